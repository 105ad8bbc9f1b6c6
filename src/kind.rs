//! The kinds and the channels of tickets.

use crate::open_set::open_set;

open_set! {
    /// The kind of a ticket. The set is open: a desk may have its own kinds, such as `"complaint"`.
    Kind {
        /// Something is broken.
        Incident = "incident" "incident",
        /// The requester needs something.
        Request = "request" "request",
        /// The requester asks for an explanation. The default.
        Question = "question" "question",
        /// The cause behind several tickets.
        Problem = "problem" "problem",
        /// A proposal for an improvement.
        Suggestion = "suggestion" "suggestion",
    }
}

open_set! {
    /// The channel of a ticket or message. The set is open: a desk may have its own channels, such as `"kiosk"`.
    Channel {
        /// E-mail.
        Email = "email" "e-mail",
        /// A telephone call.
        Phone = "phone" "phone",
        /// A chat on the host's site.
        Chat = "chat" "chat",
        /// A messenger.
        Messenger = "messenger" "messenger",
        /// A social network.
        Social = "social" "social network",
        /// A form on the host's site. The default.
        WebForm = "web_form" "web form",
        /// Another program.
        Api = "api" "API",
        /// Face to face.
        InPerson = "in_person" "in person",
    }
}
