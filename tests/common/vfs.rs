//! A file system between SQLite and the real one. It reports every operation and can refuse it.
//!
//! This is the only place in the repository with `unsafe` code, because SQLite takes a table of C functions. Every
//! operation that the hook does not refuse is passed on to SQLite's own file system.

#![allow(dead_code)] // No test target uses all of it.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{Arc, Mutex};

use rusqlite::ffi;

/// An operation that SQLite requests, before it is done.
#[derive(Debug)]
pub(crate) enum Op<'a> {
    /// The file is opened; true if it is created when missing.
    Open {
        makes: bool,
    },
    Read,
    Write {
        at: u64,
        bytes: &'a [u8],
    },
    Truncate {
        length: u64,
    },
    Sync,
    Size,
    /// The index of the write-ahead log is mapped into shared memory.
    Map,
    Delete {
        directory_synced: bool,
    },
}

impl Op<'_> {
    /// The SQLite error code of this operation when the device fails.
    pub(crate) fn io_error(&self) -> c_int {
        match self {
            Op::Open { .. } => ffi::SQLITE_CANTOPEN,
            Op::Read => ffi::SQLITE_IOERR_READ,
            Op::Write { .. } => ffi::SQLITE_IOERR_WRITE,
            Op::Truncate { .. } => ffi::SQLITE_IOERR_TRUNCATE,
            Op::Sync => ffi::SQLITE_IOERR_FSYNC,
            Op::Size => ffi::SQLITE_IOERR_FSTAT,
            Op::Map => ffi::SQLITE_IOERR_SHMMAP,
            Op::Delete { .. } => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

/// Sees every operation and the path of its file. A returned error code goes to SQLite instead of doing the operation.
type Hook = Box<dyn FnMut(&str, &Op<'_>) -> Option<c_int> + Send>;

/// A registered file system. It is never unregistered, because connections may outlive a test.
#[derive(Clone)]
pub(crate) struct Vfs {
    name: String,
    hook: Arc<Mutex<Option<Hook>>>,
}

/// The data behind the pointers that the functions below receive.
struct Shared {
    base: *mut ffi::sqlite3_vfs,
    hook: Arc<Mutex<Option<Hook>>>,
}

/// SQLite's handle of an open file. The handle of SQLite's own file system follows it in memory.
#[repr(C)]
struct File {
    head: ffi::sqlite3_file,
    shared: *const Shared,
    path: *mut String,
}

impl Vfs {
    /// Registers a file system with this name.
    pub(crate) fn register(name: &str) -> Vfs {
        let hook = Arc::new(Mutex::new(None));
        let c_name = CString::new(name).unwrap();
        // SAFETY: the call initialises SQLite, and its default file system then exists for ever. Everything registered
        // here is leaked on purpose, so every pointer in it is valid for ever too.
        unsafe {
            ffi::sqlite3_initialize();
            let base = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!base.is_null());
            let mut vfs = *base;
            vfs.szOsFile += size_of::<File>() as c_int;
            vfs.zName = c_name.into_raw();
            vfs.pNext = std::ptr::null_mut();
            vfs.pAppData = Box::into_raw(Box::new(Shared { base, hook: Arc::clone(&hook) })).cast();
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0), ffi::SQLITE_OK);
        }
        Vfs { name: name.to_owned(), hook }
    }

    /// The URI that opens a database in this file through this file system.
    pub(crate) fn uri(&self, file: &std::path::Path) -> String {
        format!("file:{}?vfs={}", file.display(), self.name)
    }

    /// Passes every operation to this hook from now on.
    pub(crate) fn watch(&self, hook: impl FnMut(&str, &Op<'_>) -> Option<c_int> + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// Removes the hook: nothing is refused from now on.
    pub(crate) fn end(&self) {
        *self.hook.lock().unwrap() = None;
    }
}

impl Shared {
    fn refuses(&self, path: &str, op: &Op<'_>) -> Option<c_int> {
        self.hook.lock().unwrap().as_mut().and_then(|hook| hook(path, op))
    }
}

// SAFETY, of all functions below: SQLite calls them with the values that it got here. These are a `sqlite3_vfs` with a
// leaked `Behind` in its `pAppData`, and files that `open` has initialised, each followed in memory by the file of the
// underlying system.

unsafe fn shared<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Shared {
    unsafe { &*(*vfs).pAppData.cast::<Shared>() }
}

/// The file handle of the underlying file system.
unsafe fn beneath(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// Does the operation unless the hook refuses it.
unsafe fn ask(
    file: *mut ffi::sqlite3_file,
    op: &Op<'_>,
    go: impl FnOnce(&ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) -> c_int,
) -> c_int {
    unsafe {
        let ours = file.cast::<File>();
        if let Some(code) = (*(*ours).shared).refuses(&*(*ours).path, op) {
            return code;
        }
        pass(file, go)
    }
}

/// Does the operation without asking the hook.
unsafe fn pass(
    file: *mut ffi::sqlite3_file,
    go: impl FnOnce(&ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) -> c_int,
) -> c_int {
    unsafe {
        let real = beneath(file);
        go(&*(*real).pMethods, real)
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let shared = shared(vfs);
        let path = match name.is_null() {
            true => String::new(),
            false => CStr::from_ptr(name).to_string_lossy().into_owned(),
        };
        (*file).pMethods = std::ptr::null();
        let makes = flags & ffi::SQLITE_OPEN_CREATE != 0 && !std::path::Path::new(&path).exists();
        if let Some(code) = shared.refuses(&path, &Op::Open { makes }) {
            return code;
        }
        let real = beneath(file);
        (*real).pMethods = std::ptr::null();
        let code = (*shared.base).xOpen.unwrap()(shared.base, name, real, flags, out);
        if code == ffi::SQLITE_OK {
            let ours = file.cast::<File>();
            (*ours).shared = shared;
            (*ours).path = Box::into_raw(Box::new(path));
            (*ours).head.pMethods = &METHODS;
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    unsafe {
        let shared = shared(vfs);
        let path = CStr::from_ptr(name).to_string_lossy();
        if let Some(code) = shared.refuses(&path, &Op::Delete { directory_synced: sync != 0 }) {
            return code;
        }
        (*shared.base).xDelete.unwrap()(shared.base, name, sync)
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let code = pass(file, |methods, real| methods.xClose.unwrap()(real));
        drop(Box::from_raw((*file.cast::<File>()).path));
        code
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, to: *mut c_void, count: c_int, at: i64) -> c_int {
    unsafe { ask(file, &Op::Read, |methods, real| methods.xRead.unwrap()(real, to, count, at)) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: i64,
) -> c_int {
    unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), count as usize);
        ask(file, &Op::Write { at: at as u64, bytes }, |methods, real| {
            methods.xWrite.unwrap()(real, from, count, at)
        })
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: i64) -> c_int {
    let op = Op::Truncate { length: length as u64 };
    unsafe { ask(file, &op, |methods, real| methods.xTruncate.unwrap()(real, length)) }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    unsafe { ask(file, &Op::Sync, |methods, real| methods.xSync.unwrap()(real, flags)) }
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    unsafe { ask(file, &Op::Size, |methods, real| methods.xFileSize.unwrap()(real, out)) }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { pass(file, |methods, real| methods.xLock.unwrap()(real, level)) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    unsafe { pass(file, |methods, real| methods.xUnlock.unwrap()(real, level)) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    unsafe { pass(file, |methods, real| methods.xCheckReservedLock.unwrap()(real, out)) }
}

unsafe extern "C" fn control(file: *mut ffi::sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    unsafe { pass(file, |methods, real| methods.xFileControl.unwrap()(real, what, argument)) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe { pass(file, |methods, real| methods.xSectorSize.unwrap()(real)) }
}

unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe { pass(file, |methods, real| methods.xDeviceCharacteristics.unwrap()(real)) }
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    unsafe { ask(file, &Op::Map, |methods, real| methods.xShmMap.unwrap()(real, page, size, extend, out)) }
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    unsafe { pass(file, |methods, real| methods.xShmLock.unwrap()(real, offset, count, flags)) }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    unsafe {
        let real = beneath(file);
        (*(*real).pMethods).xShmBarrier.unwrap()(real);
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    unsafe { pass(file, |methods, real| methods.xShmUnmap.unwrap()(real, delete)) }
}
