//! The operation that receives a message.

use std::collections::BTreeSet;

use super::context::{CommandContext, PolicyContext};
use super::receipt::{Receipt, Repeatable};
use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ContactId, TicketId};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::policy::{Policy, Standing, StandingRule};
use crate::store::kinds::{self, ADOPTION, THREAD};
use crate::store::{Commit, Read, Record};
use crate::ticket::decision::Draft;
use crate::ticket::event::Change;
use crate::ticket::inbound::InboundMessage;
use crate::ticket::kind::{Link, LinkKind};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;

/// Receives a message: adds it to the ticket of its thread, or opens a ticket.
#[derive(Debug)]
pub(super) struct Receive {
    message: InboundMessage,
    author: Actor,
    /// The id of the ticket that the message may open.
    id: TicketId,
    context: CommandContext,
    repeatable: Repeatable,
}

/// A thread key in its stored form, and its record.
type Thread<'l> = (String, Option<&'l Record>);

/// The destination of a message.
enum Destination<'l> {
    /// A ticket.
    Ticket(ThreadTicket<'l>),
    /// The sender's own ticket in a thread of somebody else.
    Own(ThreadTicket<'l>),
    /// A new ticket.
    New,
    /// A new ticket that is linked to another one.
    Linked(Linked<'l>),
}

/// A ticket to which a thread of the message leads, with the draft of a decision on it.
struct ThreadTicket<'l> {
    draft: Box<Draft>,
    /// The standing of the sender on the ticket.
    standing: Standing,
    context: PolicyContext<'l>,
}

impl ThreadTicket<'_> {
    fn rule(&self) -> &StandingRule {
        self.context.policy.rule_of(self.standing)
    }

    fn is_finished(&self) -> bool {
        self.draft.snapshot().state.kind().is_final()
    }

    fn takes_messages(&self) -> bool {
        self.rule().writes && !self.is_finished()
    }

    fn gets_follow_up(&self) -> bool {
        self.rule().follows_up && self.is_finished()
    }
}

/// A ticket to which a new ticket is linked.
struct Linked<'l> {
    other: ThreadTicket<'l>,
    kind: LinkKind,
    /// True if the threads of the message belong to somebody else.
    outside: bool,
    /// The sender's own tickets whose threads lead to the new ticket from now on.
    continued: Vec<TicketId>,
}

/// The end of a chain of follow-ups, and the sender's own tickets in the chain.
struct Chain<'l> {
    last: ThreadTicket<'l>,
    own: Vec<TicketId>,
}

impl Receive {
    pub(super) fn new(message: InboundMessage, id: TicketId, context: CommandContext) -> Receive {
        let message = message.mended();
        let asked = || Fingerprint::of_json(&("receive", message.asked()));
        let author = message.author();
        // The author of a machine's message is the machine.
        let by = (&author.who, message.from.as_ref().map(|from| &from.id));
        let repeatable = Repeatable::new("receive", None, &by, message.key.clone(), asked);
        Receive { author, message, id, context, repeatable }
    }

    fn thread_reads(&self) -> impl Iterator<Item = Read> {
        self.message.threads.iter().map(|thread| Read::record(THREAD, self.context.lookup.thread(thread)))
    }

    /// Returns the threads of the message, in its order.
    fn threads<'l>(&self, loaded: &'l Loaded) -> Result<Vec<Thread<'l>>, Interrupt> {
        loaded.need(self.thread_reads())?;
        let keys = self.message.threads.iter().map(|thread| self.context.lookup.thread(thread));
        keys.map(|key| Ok((key.clone(), loaded.record(THREAD, key)?))).collect()
    }

    /// Returns the ticket to which the threads lead: the first of those that [suit](Receive::rank) best.
    fn ticket_of<'l>(
        &self,
        threads: &[Thread<'l>],
        loaded: &'l Loaded,
    ) -> Result<Option<ThreadTicket<'l>>, Interrupt> {
        let ids = threads.iter().filter_map(|(_, record)| *record).map(|it| kinds::ticket_of(THREAD, it));
        self.best(ids.collect::<Result<Vec<_>>>()?, loaded)
    }

    /// Returns the ticket that [suits](Receive::rank) the message best; among equals, the first. A ticket that cannot
    /// be decided, because its data is damaged, is passed over while another one remains.
    ///
    /// Drafts are begun in the order of the stored tickets, so that most messages begin only one. The due timers of a
    /// ticket may finish it, which never makes it suit better.
    fn best<'l>(
        &self,
        ids: Vec<TicketId>,
        loaded: &'l Loaded,
    ) -> Result<Option<ThreadTicket<'l>>, Interrupt> {
        let mut distinct: Vec<TicketId> = Vec::new();
        for id in ids {
            if !distinct.contains(&id) {
                distinct.push(id);
            }
        }
        if distinct.is_empty() {
            return Ok(None);
        }
        loaded.need(distinct.iter().map(|id| Read::Ticket(*id)))?;
        let policy = self.context.policy(loaded)?;
        let mut stored = Vec::new();
        for (place, id) in distinct.into_iter().enumerate() {
            let ticket = existing(id, loaded)?;
            stored.push(((self.rank(ticket, &policy), place), ticket));
        }
        stored.sort_by_key(|(order, _)| *order);
        let mut best: Option<((u8, usize), ThreadTicket<'l>)> = None;
        let mut damage = None;
        for (order, ticket) in stored {
            if best.as_ref().is_some_and(|(found, _)| *found < order) {
                break;
            }
            match self.begin(ticket, loaded) {
                Ok(begun) => {
                    let order = (self.rank(begun.draft.snapshot(), &policy), order.1);
                    if best.as_ref().is_none_or(|(found, _)| order < *found) {
                        best = Some((order, begun));
                    }
                }
                Err(Interrupt::Fail(error)) if is_damage(&error) => {
                    damage.get_or_insert(error);
                }
                Err(interrupt) => return Err(interrupt),
            }
        }
        match (best, damage) {
            (Some((_, ticket)), _) => Ok(Some(ticket)),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(None),
        }
    }

    /// Returns how well a ticket suits the message; 0 is best. A ticket that the sender takes part in suits better than
    /// one of somebody else, and an open ticket better than a finished one. A machine's message goes where a message of
    /// its person would go.
    fn rank(&self, ticket: &Snapshot, policy: &Policy) -> u8 {
        let standing = ticket.standing_of_sender(&self.message, policy);
        let is_finished = ticket.state.kind().is_final();
        let takes_messages = policy.rule_of(standing).writes && !is_finished;
        match (ticket.has_as_contact(&self.message), is_finished) {
            (true, false) if standing == Standing::Machine || takes_messages => 0,
            (false, false) if takes_messages => 1,
            (true, true) => 2,
            (_, false) => 3,
            (false, true) => 4,
        }
    }

    /// Begins the draft of a ticket, which fires its due timers.
    fn begin<'l>(&self, ticket: &Snapshot, loaded: &'l Loaded) -> Result<ThreadTicket<'l>, Interrupt> {
        let context = self.context.policy_context_for(ticket, loaded)?;
        let decision_context = context.decision(self.context.now, &self.author);
        let draft = Draft::begin(ticket.clone(), &decision_context)?;
        let standing = draft.snapshot().standing_of_sender(&self.message, &context.policy);
        Ok(ThreadTicket { draft: Box::new(draft), standing, context })
    }

    fn destination<'l>(
        &self,
        threads: &[Thread<'l>],
        loaded: &'l Loaded,
    ) -> Result<Destination<'l>, Interrupt> {
        let Some(ticket) = self.ticket_of(threads, loaded)? else { return Ok(Destination::New) };
        if ticket.standing == Standing::Machine || ticket.takes_messages() {
            return Ok(Destination::Ticket(ticket));
        }
        let (finished, outside) = match ticket.gets_follow_up() {
            true => (ticket, false),
            false => match self.own_ticket(threads, loaded)? {
                Some(own) if own.takes_messages() => return Ok(Destination::Own(own)),
                Some(own) if own.gets_follow_up() => (own, true),
                _ => {
                    let (other, kind) = (ticket, LinkKind::Mentions);
                    return Ok(Destination::Linked(Linked {
                        other,
                        kind,
                        outside: true,
                        continued: Vec::new(),
                    }));
                }
            },
        };
        let Chain { last, own } = self.chain(finished, loaded)?;
        Ok(match (last.takes_messages(), outside) {
            (true, true) => Destination::Own(last),
            (true, false) => Destination::Ticket(last),
            (false, _) => {
                let kind = LinkKind::FollowUpOf;
                Destination::Linked(Linked { other: last, kind, outside, continued: own })
            }
        })
    }

    /// Follows the sender's conversation from a finished ticket through the follow-ups that they have opened, to one
    /// that goes on or to the last finished one. Messages with any key of the conversation thus go to the same ticket.
    /// The search ends after [`MAX_CHAIN`] follow-ups.
    fn chain<'l>(&self, finished: ThreadTicket<'l>, loaded: &'l Loaded) -> Result<Chain<'l>, Interrupt> {
        let mut chain = Chain { last: finished, own: Vec::new() };
        let mut seen = BTreeSet::new();
        while seen.len() < MAX_CHAIN {
            let id = chain.last.draft.snapshot().id;
            seen.insert(id);
            if chain.last.standing == Standing::Requester {
                chain.own.push(id);
            }
            let links = loaded.records(&kinds::newest_follow_ups(id, FOLLOW_UPS))?;
            let ids = links.iter().map(|record| Ok(kinds::incoming_link(record)?.to));
            let ids: Vec<TicketId> = ids.collect::<Result<_>>()?;
            loaded.need(ids.iter().map(|id| Read::Ticket(*id)))?;
            let (mut open, mut ended) = (Vec::new(), Vec::new());
            for id in ids.into_iter().filter(|id| !seen.contains(id)) {
                let follow_up = existing(id, loaded)?;
                let has_opened = follow_up.requester().is_some_and(|it| self.is_sender(it));
                match follow_up.state.kind().is_final() {
                    _ if !has_opened => {}
                    true => ended.push(id),
                    false => open.push(id),
                }
            }
            ended.truncate(1);
            let next = match self.best_sound(open, loaded)? {
                None => self.best_sound(ended, loaded)?,
                next => next,
            };
            match next {
                Some(next) if next.takes_messages() => return Ok(Chain { last: next, ..chain }),
                // A due timer may have just finished it.
                Some(next) if next.gets_follow_up() => chain.last = next,
                _ => break,
            }
        }
        Ok(chain)
    }

    /// Returns the [best](Receive::best) of these tickets; `None` if the data of all of them is damaged.
    fn best_sound<'l>(
        &self,
        ids: Vec<TicketId>,
        loaded: &'l Loaded,
    ) -> Result<Option<ThreadTicket<'l>>, Interrupt> {
        match self.best(ids, loaded) {
            Err(Interrupt::Fail(error)) if is_damage(&error) => Ok(None),
            found => found,
        }
    }

    fn is_sender(&self, contact: &ContactId) -> bool {
        self.message.from.as_ref().is_some_and(|from| from.id == *contact)
    }

    /// Returns the ticket that the sender has got of their own because they are an outsider to this thread.
    fn own_ticket<'l>(
        &self,
        threads: &[Thread<'l>],
        loaded: &'l Loaded,
    ) -> Result<Option<ThreadTicket<'l>>, Interrupt> {
        let taken = threads.iter().filter(|(_, record)| record.is_some());
        let keys: Vec<String> = taken.map(|(key, _)| self.own_thread(key)).collect();
        loaded.need(keys.iter().map(|key| Read::record(THREAD, key.as_str())))?;
        let mut ids = Vec::new();
        for key in keys {
            let record = loaded.record(THREAD, key)?;
            ids.extend(record.map(|record| kinds::ticket_of(THREAD, record)).transpose()?);
        }
        self.best(ids, loaded)
    }

    /// Returns the stored key under which the sender's own ticket in somebody else's thread is found.
    fn own_thread(&self, thread: &str) -> String {
        let sender = self.message.from.as_ref().map_or("", |from| from.id.as_str());
        self.context.lookup.own_thread(thread, sender)
    }

    /// Adds the message to the sender's own ticket, to which their messages in these threads of others go from now on.
    fn attach_own(
        &self,
        ticket: ThreadTicket<'_>,
        threads: Vec<Thread<'_>>,
        loaded: &Loaded,
    ) -> Result<(Commit, Receipt), Interrupt> {
        let id = ticket.draft.snapshot().id;
        let mut own = Vec::new();
        for (key, _) in threads.iter().filter(|(_, record)| record.is_some()) {
            let key = self.own_thread(key);
            if loaded.record(THREAD, key.as_str())?.is_none() {
                own.push(kinds::point_to(THREAD, key, None, id));
            }
        }
        let (mut commit, receipt) = self.attach(ticket, threads)?;
        commit.extend(own);
        Ok((commit, receipt))
    }

    /// Adds the message to a ticket.
    fn attach(&self, ticket: ThreadTicket<'_>, threads: Vec<Thread<'_>>) -> Result<(Commit, Receipt)> {
        let ThreadTicket { mut draft, standing, context: policy_context } = ticket;
        let decision_context = policy_context.decision(self.context.now, &self.author);
        let id = draft.snapshot().id;
        draft.receive(&self.message, standing, &decision_context)?;
        let decision = draft.finish()?;
        let receipt = Receipt::of(&decision, &policy_context)?;
        let mut commit = Commit::of([decision]);
        if standing != Standing::Machine {
            let new = threads.into_iter().filter(|(_, record)| record.is_none());
            commit.extend(new.map(|(key, _)| kinds::point_to(THREAD, key, None, id)));
        }
        Ok((commit, receipt))
    }

    /// Opens a ticket without a link.
    fn open(&self, threads: Vec<Thread<'_>>, loaded: &Loaded) -> Result<(Commit, Receipt), Interrupt> {
        let policy_context = self.context.policy_context(loaded)?;
        let PolicyContext { policy, agreements, workflows, .. } = &policy_context;
        let (number, now) = (loaded.next_number(0)?, self.context.now);
        let draft = self.message.opening().draft(self.id, number, now, policy, agreements, workflows)?;
        let decision = draft.finish()?;
        let receipt = Receipt::of(&decision, &policy_context)?;
        let mut commit = Commit::of([decision]);
        commit.extend(threads.into_iter().map(|(key, _)| kinds::point_to(THREAD, key, None, self.id)));
        Ok((commit, receipt))
    }

    /// Opens a ticket with a link to another one: a follow-up, or a ticket of the sender's own.
    fn open_linked(
        &self,
        linked: Linked<'_>,
        threads: Vec<Thread<'_>>,
        loaded: &Loaded,
    ) -> Result<(Commit, Receipt), Interrupt> {
        let Linked { other, kind, outside, continued } = linked;
        let ThreadTicket { draft: mut other, standing, context } = other;
        let now = self.context.now;
        let policy_context = self.context.policy_context(loaded)?;
        let PolicyContext { policy, agreements, workflows, .. } = &policy_context;
        let mut request = self.message.opening();
        // Only the requester inherits the properties of the finished ticket.
        let inherits = kind == LinkKind::FollowUpOf && standing == Standing::Requester;
        if inherits {
            request = request.following_up(other.snapshot(), policy);
        }
        let (number, to) = (loaded.next_number(0)?, other.snapshot().id);
        let mut draft = request.draft(self.id, number, now, policy, agreements, workflows)?;
        let link = Link { kind, to };
        draft.set_link(Change::Linked(link), &policy_context.decision(now, &self.author))?;
        let opened = draft.finish()?;
        let inverse = Link { kind: kind.inverse(), to: self.id };
        other.set_link(Change::Linked(inverse), &context.decision(now, &self.author))?;
        let receipt = Receipt::of(&opened, &policy_context)?;
        let mut commit = Commit::of([opened, other.finish()?]);
        commit.push(kinds::set_link(self.id, link, true));
        for (key, record) in threads {
            let leads_to = record.map(|record| kinds::ticket_of(THREAD, record)).transpose()?;
            match leads_to {
                None => commit.push(kinds::point_to(THREAD, key, None, self.id)),
                Some(_) if outside => {
                    let own = self.own_thread(&key);
                    let before = loaded.record(THREAD, own.as_str())?;
                    commit.push(kinds::point_to(THREAD, own, before, self.id));
                }
                // The conversation goes on in the follow-up.
                Some(ticket) if continued.contains(&ticket) => {
                    commit.push(kinds::point_to(THREAD, key, record, self.id));
                }
                Some(_) => {}
            }
        }
        Ok((commit, receipt))
    }
}

/// The number of follow-ups of a ticket that are searched for one that goes on.
const FOLLOW_UPS: usize = 5;

/// The number of follow-ups of follow-ups that are searched. A decision has a limited number of reads.
const MAX_CHAIN: usize = 12;

/// True if the error concerns the data of one ticket, not the store.
fn is_damage(error: &Error) -> bool {
    !error.is_storage() || error.kind() == ErrorKind::Corrupt
}

fn existing(id: TicketId, loaded: &Loaded) -> Result<&Snapshot, Interrupt> {
    Ok(loaded.ticket(id)?.ok_or_else(|| Error::not_found(format_args!("ticket {id}")))?)
}

impl Operation for Receive {
    type Out = Receipt;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("receive")
    }

    fn ticket_of(receipt: &Receipt) -> Option<TicketId> {
        Some(receipt.ticket.id())
    }

    fn is_replayed(receipt: &Receipt) -> bool {
        receipt.replayed
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.repeatable.read(&self.context));
        reads.extend(self.thread_reads());
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Receipt), Interrupt> {
        if let Some(receipt) = self.repeatable.first_result(loaded, &self.context)? {
            return Ok((Commit::default(), receipt));
        }
        self.message.check()?;
        self.author.check()?;
        let threads = self.threads(loaded)?;
        let (mut commit, receipt) = match self.destination(&threads, loaded)? {
            Destination::Ticket(ticket) => self.attach(ticket, threads)?,
            Destination::Own(ticket) => self.attach_own(ticket, threads, loaded)?,
            Destination::New => self.open(threads, loaded)?,
            Destination::Linked(linked) => self.open_linked(linked, threads, loaded)?,
        };
        self.repeatable.add_receipt(&mut commit, &receipt, loaded, &self.context)?;
        Ok((commit, receipt))
    }
}
