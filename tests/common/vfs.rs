//! A file system between SQLite and the real one, which tells what is done to it and can refuse it.
//!
//! It is the one place of this repository with `unsafe` code: SQLite asks for a table of C functions. It hands
//! everything on to SQLite's own file system, but for the operations that its hook refuses.

#![allow(dead_code)] // Every user needs its own part of it.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{Arc, Mutex};

use rusqlite::ffi;

/// Something that SQLite wants done to a file, before it is done.
#[derive(Debug)]
pub(crate) enum Op<'a> {
    /// Opened; whether it is made if it is not there.
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
    /// The index of the write-ahead log, in shared memory, is to be mapped.
    Map,
    Delete {
        directory_synced: bool,
    },
}

impl Op<'_> {
    /// The error by which such an operation fails when the device does.
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

/// Sees every operation, with the path of its file; an error code is what SQLite gets instead of it.
type Hook = Box<dyn FnMut(&str, &Op<'_>) -> Option<c_int> + Send>;

/// A file system under a name of its own. It is never taken away again, as connections may outlive a test.
#[derive(Clone)]
pub(crate) struct Vfs {
    name: String,
    hook: Arc<Mutex<Option<Hook>>>,
}

/// What the functions below find behind the pointers.
struct Behind {
    base: *mut ffi::sqlite3_vfs,
    hook: Arc<Mutex<Option<Hook>>>,
}

/// SQLite's handle of an open file. SQLite's own follows it in memory.
#[repr(C)]
struct File {
    head: ffi::sqlite3_file,
    behind: *const Behind,
    path: *mut String,
}

impl Vfs {
    /// Registers one under this name.
    pub(crate) fn register(name: &str) -> Vfs {
        let hook = Arc::new(Mutex::new(None));
        let c_name = CString::new(name).unwrap();
        // SAFETY: the default file system exists for ever, once SQLite is initialised by asking for it. What is
        // registered here is leaked on purpose, so that every pointer in it is valid for ever too.
        unsafe {
            ffi::sqlite3_initialize();
            let base = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!base.is_null());
            let mut vfs = *base;
            vfs.szOsFile += size_of::<File>() as c_int;
            vfs.zName = c_name.into_raw();
            vfs.pNext = std::ptr::null_mut();
            vfs.pAppData = Box::into_raw(Box::new(Behind { base, hook: Arc::clone(&hook) })).cast();
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0), ffi::SQLITE_OK);
        }
        Vfs { name: name.to_owned(), hook }
    }

    /// The name by which a database in this file is opened through it.
    pub(crate) fn uri(&self, file: &std::path::Path) -> String {
        format!("file:{}?vfs={}", file.display(), self.name)
    }

    /// From now on this sees every operation.
    pub(crate) fn watch(&self, hook: impl FnMut(&str, &Op<'_>) -> Option<c_int> + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// From now on nobody watches, and nothing is refused.
    pub(crate) fn leave(&self) {
        *self.hook.lock().unwrap() = None;
    }
}

impl Behind {
    fn refuses(&self, path: &str, op: &Op<'_>) -> Option<c_int> {
        self.hook.lock().unwrap().as_mut().and_then(|hook| hook(path, op))
    }
}

// SAFETY, of all functions below: SQLite calls them with what it was given here, which is a `sqlite3_vfs` whose
// `pAppData` is a leaked `Behind`, and files that `open` has filled in, followed by the file of the system beneath.

unsafe fn behind<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Behind {
    unsafe { &*(*vfs).pAppData.cast::<Behind>() }
}

/// The file of the file system beneath.
unsafe fn beneath(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// Asks the hook, and does it if it is not refused.
unsafe fn ask(
    file: *mut ffi::sqlite3_file,
    op: &Op<'_>,
    go: impl FnOnce(&ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) -> c_int,
) -> c_int {
    unsafe {
        let ours = file.cast::<File>();
        if let Some(code) = (*(*ours).behind).refuses(&*(*ours).path, op) {
            return code;
        }
        pass(file, go)
    }
}

/// Does it, unasked.
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
        let behind = behind(vfs);
        let path = match name.is_null() {
            true => String::new(),
            false => CStr::from_ptr(name).to_string_lossy().into_owned(),
        };
        (*file).pMethods = std::ptr::null();
        let makes = flags & ffi::SQLITE_OPEN_CREATE != 0 && !std::path::Path::new(&path).exists();
        if let Some(code) = behind.refuses(&path, &Op::Open { makes }) {
            return code;
        }
        let real = beneath(file);
        (*real).pMethods = std::ptr::null();
        let code = (*behind.base).xOpen.unwrap()(behind.base, name, real, flags, out);
        if code == ffi::SQLITE_OK {
            let ours = file.cast::<File>();
            (*ours).behind = behind;
            (*ours).path = Box::into_raw(Box::new(path));
            (*ours).head.pMethods = &METHODS;
        }
        code
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    unsafe {
        let behind = behind(vfs);
        let path = CStr::from_ptr(name).to_string_lossy();
        if let Some(code) = behind.refuses(&path, &Op::Delete { directory_synced: sync != 0 }) {
            return code;
        }
        (*behind.base).xDelete.unwrap()(behind.base, name, sync)
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
