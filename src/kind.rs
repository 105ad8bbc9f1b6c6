//! The kinds and the channels of tickets.

use crate::open_set::open_set;

open_set! {
    /// The kind of a ticket. The set is open: a desk may have its own kinds, such as `"complaint"`.
    Kind in "kind" {
        /// Something is broken.
        Incident = "incident",
        /// The requester needs something.
        Request = "request",
        /// The requester asks for an explanation. The default.
        Question = "question",
        /// The cause behind several tickets.
        Problem = "problem",
        /// A proposal for an improvement.
        Suggestion = "suggestion",
    }
}

open_set! {
    /// The channel of a ticket or message. The set is open: a desk may have its own channels, such as `"kiosk"`.
    Channel in "channel" {
        /// E-mail.
        Email = "email",
        /// A telephone call.
        Phone = "phone",
        /// A chat on the host's site.
        Chat = "chat",
        /// A messenger.
        Messenger = "messenger",
        /// A social network.
        Social = "social",
        /// A form on the host's site. The default.
        WebForm = "web_form",
        /// Another program.
        Api = "api",
        /// Face to face.
        InPerson = "in_person",
    }
}
