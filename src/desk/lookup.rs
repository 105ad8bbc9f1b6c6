//! The stored form of keys that may identify a person (thread keys, idempotency keys and external names), and of
//! fingerprints of personal data.
//!
//! A chat id may be a phone number. A desk with a lookup key stores the HMAC-SHA-256 of such a key instead of the key.
//! The key can then be looked up, but it cannot be read from the database or found there by trying all phone numbers.
//! The same applies to the fingerprint of a request or of an imported history, which is a digest of names and texts.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::definition::Fingerprint;
use crate::id::{IdempotencyKey, ThreadKey};
use crate::store::RecordKind;
use crate::store::kinds::{EXTERNAL_NAME, RECEIPT, THREAD};
use crate::ticket::event::ExternalRef;

/// Computes the stored form of keys: an HMAC if the desk has a lookup key, else the key itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Lookup(Option<[u8; 32]>);

impl Lookup {
    pub(super) fn keyed(key: [u8; 32]) -> Lookup {
        Lookup(Some(key))
    }

    pub(super) fn thread(&self, key: &ThreadKey) -> String {
        if key.is_storable() {
            return self.lookup_key(THREAD, key.as_str());
        }
        self.lookup_key(THREAD, &format!("sha256:{}", Fingerprint::of(key.as_str())))
    }

    /// Returns the key of an outsider's own ticket in a thread of somebody else. `thread` is the stored form of the
    /// thread's key, which contains no line break.
    pub(super) fn own_thread(&self, thread: &str, sender: &str) -> String {
        self.lookup_key(THREAD, &format!("{thread}\n{sender}"))
    }

    pub(super) fn receipt(&self, key: &IdempotencyKey) -> String {
        self.lookup_key(RECEIPT, key.as_str())
    }

    pub(super) fn external(&self, name: &ExternalRef) -> String {
        // The length of the source makes the key unique: without it, "a b" + "c" and "a" + "b c" would be equal.
        self.lookup_key(EXTERNAL_NAME, &format!("{} {} {}", name.source.len(), name.source, name.id))
    }

    /// Returns the stored form of the fingerprint of a request ([`RECEIPT`]) or of an imported history
    /// ([`EXTERNAL_NAME`]).
    pub(super) fn fingerprint(&self, kind: RecordKind, fingerprint: Fingerprint) -> Fingerprint {
        let Some(secret) = &self.0 else { return fingerprint };
        // A key of this kind never has this digest, because a space follows the code in its message.
        let message: [&[u8]; 3] = [kind.code().as_bytes(), b"=", fingerprint.as_bytes()];
        Fingerprint::from_bytes(hmac_sha256(secret, &message))
    }

    /// Returns the stored form of a key. The digest includes the kind, so that equal keys of different kinds cannot be
    /// linked.
    fn lookup_key(&self, kind: RecordKind, key: &str) -> String {
        let Some(secret) = &self.0 else { return key.to_owned() };
        let digest = hmac_sha256(secret, &[kind.code().as_bytes(), b" ", key.as_bytes()]);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Lookup(keyed)" } else { "Lookup(plain)" })
    }
}

/// Returns the HMAC-SHA-256 (RFC 2104) of a message given in parts.
fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    match block.get_mut(..key.len()) {
        Some(head) => head.copy_from_slice(key),
        None => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let padded = |pad: u8| Sha256::new().chain_update(block.map(|byte| byte ^ pad));
    let inner = message.iter().fold(padded(0x36), |digest, part| digest.chain_update(part));
    padded(0x5c).chain_update(inner.finalize()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1 to 4, 6 and 7. Case 5 truncates its result.
    #[test]
    fn digests_match_the_rfc() {
        let counted: Vec<u8> = (1..=25).collect();
        let long = "Test Using Larger Than Block-Size Key - Hash Key First";
        let longer = "This is a test using a larger than block-size key and a larger than block-size data. \
                      The key needs to be hashed before being used by the HMAC algorithm.";
        let cases: [(&[u8], &[u8], &str); 6] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                &[0xaa; 131],
                long.as_bytes(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                longer.as_bytes(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, expected) in cases {
            let (head, tail) = message.split_at(3);
            let digest = hmac_sha256(key, &[head, tail]);
            assert_eq!(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
        }
    }

    #[test]
    fn different_keys_have_different_stored_forms() {
        let name = |source: &str, id: &str| ExternalRef { source: source.to_owned(), id: id.to_owned() };
        for lookup in [Lookup::default(), Lookup::keyed([7; 32])] {
            assert_ne!(lookup.external(&name("a", "b c")), lookup.external(&name("a b", "c")));
            assert_eq!(lookup.external(&name("a", "b")), lookup.external(&name("a", "b")));
        }
        assert_eq!(Lookup::default().thread(&"chat-9".into()), "chat-9");
        let keyed = Lookup::keyed([7; 32]);
        assert_ne!(keyed.thread(&"it".into()), keyed.receipt(&"it".into()));
        assert_ne!(keyed.thread(&"it".into()), Lookup::keyed([8; 32]).thread(&"it".into()));
        assert_eq!(format!("{keyed:?}"), "Lookup(keyed)");
    }
}
