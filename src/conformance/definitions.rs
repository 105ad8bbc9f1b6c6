//! Versioned definitions.

use super::Candidate;
use super::failure::{Checked, same};
use super::scene::{ACME, Scene, later};
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::store::{Answer, Commit, Read};

fn definition<C: Candidate>(scene: &Scene<'_, C>, hash: Fingerprint) -> Checked<Answer> {
    scene.read(ACME, Read::Definition(hash))
}

pub(super) fn by_hash<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let texts = ["{\"n\":1}", "{\"n\":2}", "", "{\"имя\":\"заявка\"}"];
    let hashes = texts.map(Fingerprint::of);
    for pair in texts.chunks(2) {
        let definitions = pair.iter().map(|text| (Fingerprint::of(text), (*text).to_owned())).collect();
        scene.put(ACME, Commit { definitions, ..Commit::default() })?;
    }
    let known = |hash, text: &str| {
        same("a definition", definition(scene, hash)?, Answer::Definition(Some(text.to_owned())))
    };
    texts.iter().zip(hashes).try_for_each(|(text, hash)| known(hash, text))?;
    let other = Answer::Definition(None);
    same("a definition that nobody gave", definition(scene, Fingerprint::of("nobody's"))?, other)?;
    // One that is known stays as it is: its hash says what it is.
    scene
        .put(ACME, Commit { definitions: vec![(hashes[0], "{\"n\":9}".to_owned())], ..Commit::default() })?;
    known(hashes[0], texts[0])
}

pub(super) fn by_date<C: Candidate>(scene: &Scene<'_, C>) -> Checked {
    let kind = DefinitionKind::Policy;
    // Version 3 holds from an earlier date than version 2 and so overrules it from the beginning; 4 is yet to come.
    let starts = [0, 100, 50, 1_000];
    let all: Vec<Adoption> = (1..)
        .zip(starts)
        .map(|(version, from)| Adoption {
            kind,
            version,
            from: later(from),
            hash: Fingerprint::of(version.to_string()),
        })
        .collect();
    let newest = |scene: &Scene<'_, C>| scene.read(ACME, Read::Newest(kind));
    same("the newest of none", newest(scene)?, Answer::Adoption(None))?;
    for (count, adoption) in (1..).zip(&all) {
        let text = (adoption.hash, count.to_string());
        scene
            .put(ACME, Commit { definitions: vec![text], adoptions: vec![*adoption], ..Commit::default() })?;
        same("the newest", newest(scene)?, Answer::Adoption(Some(*adoption)))?;
        for at in [-1, 0, 1, 49, 50, 51, 99, 100, 101, 999, 1_000, 9_999] {
            let wanted = all[..count].iter().rev().find(|it| it.from <= later(at)).copied();
            let found = scene.read(ACME, Read::InForce(kind, later(at)))?;
            same(format_args!("what holds at second {at} after {count}"), found, Answer::Adoption(wanted))?;
        }
    }
    Ok(())
}
