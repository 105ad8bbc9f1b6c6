BEGIN;
CREATE TABLE firstline_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE firstline_desk (
    desk TEXT NOT NULL PRIMARY KEY,
    last_number INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE firstline_ticket (
    desk TEXT NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    open INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    team TEXT,
    assignee TEXT,
    requester TEXT,
    facts TEXT NOT NULL,
    personal TEXT,
    personal_key TEXT
);
CREATE TABLE firstline_contact (
    desk TEXT NOT NULL,
    contact TEXT NOT NULL,
    ticket BLOB NOT NULL,
    PRIMARY KEY (desk, contact, ticket)
) WITHOUT ROWID;
CREATE TABLE firstline_event (
    desk TEXT NOT NULL,
    ticket BLOB NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    facts TEXT NOT NULL,
    personal TEXT,
    personal_key TEXT,
    chain BLOB,
    PRIMARY KEY (desk, ticket, version)
) WITHOUT ROWID;
CREATE TABLE firstline_timer (
    desk TEXT NOT NULL,
    ticket BLOB NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    armed_by INTEGER NOT NULL,
    PRIMARY KEY (desk, ticket, kind, subject)
) WITHOUT ROWID;
CREATE TABLE firstline_record (
    desk TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    facts BLOB,
    personal BLOB,
    personal_key TEXT,
    i1 TEXT,
    i2 TEXT,
    i3 TEXT,
    due INTEGER,
    tries INTEGER NOT NULL,
    PRIMARY KEY (desk, kind, key)
) WITHOUT ROWID;
CREATE TABLE firstline_record_body (
    desk TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    facts BLOB NOT NULL,
    personal BLOB,
    PRIMARY KEY (desk, kind, key)
);
CREATE UNIQUE INDEX firstline_ticket_id ON firstline_ticket (desk, id);
CREATE UNIQUE INDEX firstline_ticket_number ON firstline_ticket (desk, number);
CREATE INDEX firstline_ticket_inbox ON firstline_ticket (desk, priority, due_at, opened_at, id) WHERE open = 1;
CREATE INDEX firstline_ticket_team ON firstline_ticket (desk, team, priority, due_at, opened_at, id)
    WHERE open = 1 AND team IS NOT NULL;
CREATE INDEX firstline_ticket_assignee ON firstline_ticket (desk, assignee, priority, due_at, opened_at, id)
    WHERE open = 1 AND assignee IS NOT NULL;
CREATE INDEX firstline_ticket_of_team ON firstline_ticket (desk, team, id) WHERE team IS NOT NULL;
CREATE INDEX firstline_ticket_of_assignee ON firstline_ticket (desk, assignee, id) WHERE assignee IS NOT NULL;
CREATE INDEX firstline_ticket_requester ON firstline_ticket (desk, requester, id) WHERE requester IS NOT NULL;
CREATE INDEX firstline_timer_due ON firstline_timer (desk, due_at, kind, subject, ticket);
CREATE INDEX firstline_timer_all_desks ON firstline_timer (due_at, desk, ticket);
CREATE INDEX firstline_record_i1 ON firstline_record (desk, kind, i1) WHERE i1 IS NOT NULL;
CREATE INDEX firstline_record_i2 ON firstline_record (desk, kind, i2) WHERE i2 IS NOT NULL;
CREATE INDEX firstline_record_i3 ON firstline_record (desk, kind, i3) WHERE i3 IS NOT NULL;
CREATE INDEX firstline_record_due ON firstline_record (kind, due) WHERE due IS NOT NULL;
INSERT INTO firstline_migration VALUES (1, 'foundation', X'833B50B1A13F0510F25FA89CC478D9E6A63BFD45EB7E3848580960D8F1332FF1', '2026-01-05 09:00:00');
INSERT INTO firstline_desk VALUES ('acme', 3);
INSERT INTO firstline_desk VALUES ('beta', 2);
INSERT INTO firstline_ticket VALUES ('acme', X'01900000000070008000000000000001', 5, 1, 'on_hold', 1, 3, 9223372036854775807, 1767603600000000, NULL, NULL, 'борис', '{"id":"01900000-0000-7000-8000-000000000001","version":5,"number":{"prefix":"АБ","value":1},"kind":"question","channel":"web_form","state":{"is":"on_hold","reason":"customer"},"state_since":"2026-01-05T09:00:00Z","contacts":{"борис":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first","opened_at":"2026-01-05T09:00:00Z","updated_at":"2026-01-05T09:00:00Z","adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","first_replied_at":"2026-01-05T09:00:00Z","messages_received":1,"replies_sent":1,"last_speaker":{"agent":"anna"},"clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"paused","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0}]}', '{"борис":{"subject":"Не слышно звука","name":"Борис Пример"}}', NULL);
INSERT INTO firstline_ticket VALUES ('acme', X'01900000000070008000000000000002', 5, 2, 'resolved', 0, 3, 9223372036854775807, 1767603600000000, 'payments', NULL, 'carl', '{"id":"01900000-0000-7000-8000-000000000002","version":5,"number":{"prefix":"АБ","value":2},"kind":"question","channel":"web_form","state":{"is":"resolved","closes_at":"2026-01-10T09:00:00Z"},"state_since":"2026-01-05T09:00:00Z","contacts":{"carl":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"team":"payments","line":"first","opened_at":"2026-01-05T09:00:00Z","updated_at":"2026-01-05T09:00:00Z","adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","first_replied_at":"2026-01-05T09:00:00Z","resolved_at":"2026-01-05T09:00:00Z","messages_received":1,"replies_sent":1,"last_speaker":{"contact":"carl"},"clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"met","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"due_at":"2026-01-05T17:00:00Z","ended_at":"2026-01-05T09:00:00Z","ended_with_ticket":true}]}', '{"carl":{"subject":"No light","resolution":"switched on"}}', NULL);
INSERT INTO firstline_ticket VALUES ('acme', X'01900000000070008000000000000003', 5, 3, 'closed', 0, 3, 9223372036854775807, 1767603600000000, NULL, NULL, 'carl', '{"id":"01900000-0000-7000-8000-000000000003","version":5,"number":{"prefix":"АБ","value":3},"kind":"question","channel":"web_form","state":{"is":"closed"},"state_since":"2026-01-05T09:00:00Z","contacts":{"carl":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first","opened_at":"2026-01-05T09:00:00Z","updated_at":"2026-01-05T09:00:00Z","adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","first_replied_at":"2026-01-05T09:00:00Z","resolved_at":"2026-01-05T09:00:00Z","closed_at":"2026-01-05T09:00:00Z","messages_received":1,"replies_sent":1,"last_speaker":{"contact":"carl"},"clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"met","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"due_at":"2026-01-05T17:00:00Z","ended_at":"2026-01-05T09:00:00Z","ended_with_ticket":true}]}', '{"carl":{"subject":"No heat","resolution":"heated"}}', NULL);
INSERT INTO firstline_ticket VALUES ('beta', X'01900000000070008000000000000001', 2, 1, 'on_hold', 1, 3, 9223372036854775807, 1767603600000000, NULL, NULL, 'dora', '{"id":"01900000-0000-7000-8000-000000000001","version":2,"number":{"prefix":"T","value":1},"kind":"question","channel":"web_form","state":{"is":"on_hold","reason":"scheduled","until":"2026-01-07T09:00:00Z"},"state_since":"2026-01-05T09:00:00Z","contacts":{"dora":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first","opened_at":"2026-01-05T09:00:00Z","updated_at":"2026-01-05T09:00:00Z","messages_received":1,"last_speaker":{"contact":"dora"},"unanswered_since":"2026-01-05T09:00:00Z"}', '{"dora":{"subject":"Later"}}', NULL);
INSERT INTO firstline_ticket VALUES ('beta', X'01900000000070008000000000000002', 3, 2, 'closed', 0, 3, 9223372036854775807, 1765011600000000, NULL, NULL, NULL, '{"id":"01900000-0000-7000-8000-000000000002","version":3,"number":{"prefix":"T","value":2},"kind":"question","channel":"unknown","state":{"is":"closed"},"state_since":"2025-12-16T09:00:00Z","assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first","opened_at":"2025-12-06T09:00:00Z","updated_at":"2025-12-16T09:00:00Z","outbound":true,"first_replied_at":"2025-12-16T09:00:00Z","closed_at":"2025-12-16T09:00:00Z","replies_sent":1,"irregular":1,"external":{"source":"old","id":"4711"},"imported":{"versions":2,"fingerprint":"f4dd15be87a3307753c9aa4dff633df48e9761fb9600e72df1a952a823b2b261","measured":false,"quiet_until":"2026-01-05T09:00:00Z"}}', '{"":{"subject":"Old"}}', NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000001', 1, 1767603600000000, '{"by":{"who":{"contact":"борис"}},"change":{"what":"opened","number":{"prefix":"АБ","value":1},"kind":"question","channel":"web_form","state":{"is":"new"},"contacts":{"борис":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', '{"борис":{"subject":"Не слышно звука","text":"Совсем ничего.","name":"Борис Пример"}}', NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000001', 2, 1767603600000000, '{"by":{"who":"desk"},"change":{"what":"clocks_updated","clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"running","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"running_since":"2026-01-05T09:00:00Z","due_at":"2026-01-05T17:00:00Z","next":{"at":"2026-01-05T13:00:00Z","percent":50}}]},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000001', 3, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"replied"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', '{"борис":"Проверьте гарнитуру."}', NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000001', 4, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"new","to":{"is":"on_hold","reason":"customer"},"step":"hold"},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000001', 5, 1767603600000000, '{"by":{"who":"desk"},"change":{"what":"clocks_updated","clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"paused","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0}]},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000002', 1, 1767603600000000, '{"by":{"who":{"contact":"carl"}},"change":{"what":"opened","number":{"prefix":"АБ","value":2},"kind":"question","channel":"web_form","state":{"is":"new"},"contacts":{"carl":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"team":"payments","line":"first"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', '{"carl":{"subject":"No light"}}', NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000002', 2, 1767603600000000, '{"by":{"who":"desk"},"change":{"what":"clocks_updated","clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"running","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"running_since":"2026-01-05T09:00:00Z","due_at":"2026-01-05T17:00:00Z","next":{"at":"2026-01-05T13:00:00Z","percent":50}}]},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000002', 3, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"new","to":{"is":"active"},"step":"start"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000002', 4, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"active","to":{"is":"resolved","closes_at":"2026-01-10T09:00:00Z"},"step":"resolve"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', '{"carl":"switched on"}', NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000002', 5, 1767603600000000, '{"by":{"who":"desk"},"change":{"what":"clocks_updated","clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"met","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"due_at":"2026-01-05T17:00:00Z","ended_at":"2026-01-05T09:00:00Z","ended_with_ticket":true}]},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000003', 1, 1767603600000000, '{"by":{"who":{"contact":"carl"}},"change":{"what":"opened","number":{"prefix":"АБ","value":3},"kind":"question","channel":"web_form","state":{"is":"new"},"contacts":{"carl":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', '{"carl":{"subject":"No heat"}}', NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000003', 2, 1767603600000000, '{"by":{"who":"desk"},"change":{"what":"clocks_updated","clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"running","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"running_since":"2026-01-05T09:00:00Z","due_at":"2026-01-05T17:00:00Z","next":{"at":"2026-01-05T13:00:00Z","percent":50}}]},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000003', 3, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"new","to":{"is":"resolved","closes_at":"2026-01-10T09:00:00Z"},"step":"resolve"},"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', '{"carl":"heated"}', NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000003', 4, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"resolved","to":{"is":"closed"},"step":"close"},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('acme', X'01900000000070008000000000000003', 5, 1767603600000000, '{"by":{"who":"desk"},"change":{"what":"clocks_updated","clocks":[{"metric":"resolution","cycle":1,"agreement":"standard","pinned_to":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770","priority":3,"target":28800,"state":"met","from":"2026-01-05T09:00:00Z","counted_from":"2026-01-05T09:00:00Z","consumed":0,"due_at":"2026-01-05T17:00:00Z","ended_at":"2026-01-05T09:00:00Z","ended_with_ticket":true}]},"continues":true,"adopted":"6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770"}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('beta', X'01900000000070008000000000000001', 1, 1767603600000000, '{"by":{"who":{"contact":"dora"}},"change":{"what":"opened","number":{"prefix":"T","value":1},"kind":"question","channel":"web_form","state":{"is":"new"},"contacts":{"dora":"requester"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first"}}', '{"dora":{"subject":"Later"}}', NULL, NULL);
INSERT INTO firstline_event VALUES ('beta', X'01900000000070008000000000000001', 2, 1767603600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"new","to":{"is":"on_hold","reason":"scheduled","until":"2026-01-07T09:00:00Z"},"step":"hold"}}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('beta', X'01900000000070008000000000000002', 1, 1765011600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"opened","number":{"prefix":"T","value":2},"kind":"question","channel":"unknown","state":{"is":"new"},"assessment":{"impact":{"level":2,"name":"medium","by_default":true},"urgency":{"level":2,"name":"medium","by_default":true},"cell":3},"line":"first","external":{"source":"old","id":"4711"}},"origin":{"version":1}}', '{"":{"subject":"Old"}}', NULL, NULL);
INSERT INTO firstline_event VALUES ('beta', X'01900000000070008000000000000002', 2, 1765875600000000, '{"by":{"who":{"agent":"anna"}},"change":{"what":"state_changed","from":"new","to":{"is":"closed"}},"origin":{"version":2,"irregular":true},"continues":true}', NULL, NULL, NULL);
INSERT INTO firstline_event VALUES ('beta', X'01900000000070008000000000000002', 3, 1765875600000000, '{"by":{"who":"desk"},"change":{"what":"imported","versions":2,"fingerprint":"f4dd15be87a3307753c9aa4dff633df48e9761fb9600e72df1a952a823b2b261","measured":false,"quiet_until":"2026-01-05T09:00:00Z"},"origin":{"version":2},"continues":true}', NULL, NULL, NULL);
INSERT INTO firstline_timer VALUES ('acme', X'01900000000070008000000000000002', 'verification_ends', '', 1768035600000000, 5);
INSERT INTO firstline_timer VALUES ('beta', X'01900000000070008000000000000001', 'hold_ends', '', 1767776400000000, 2);
INSERT INTO firstline_record VALUES ('acme', 'a', 'policy', 1, X'00000647A048AE8400000647A048AE840048D5469D639995229FB088E90D5BC64B12F4E539A85810DB98CCBB4DFCDC59D7', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('acme', 'd', '0a057ecbd030cc8ca8f4978d3066eb2978c0c3c54bceae4dfb82c25b4522dfa7', 1, X'7B22696D7061637473223A5B2268696768222C226D656469756D222C226C6F77225D2C22757267656E63696573223A5B2268696768222C226D656469756D222C226C6F77225D2C227072696F726974696573223A5B22637269746963616C222C2268696768222C226D6F646572617465222C226C6F77222C22706C616E6E696E67225D2C2264656661756C745F696D70616374223A226D656469756D222C2264656661756C745F757267656E6379223A226D656469756D222C2263656C6C73223A7B2268696768223A7B2268696768223A22637269746963616C222C226D656469756D223A2268696768222C226C6F77223A226D6F646572617465227D2C226D656469756D223A7B2268696768223A2268696768222C226D656469756D223A226D6F646572617465222C226C6F77223A226C6F77227D2C226C6F77223A7B2268696768223A226D6F646572617465222C226D656469756D223A226C6F77222C226C6F77223A22706C616E6E696E67227D7D7D', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('acme', 'd', '48d5469d639995229fb088e90d5bc64b12f4e539a85810db98ccbb4dfcdc59d7', 1, X'7B22707265666978223A22D090D091222C22766572696669636174696F6E223A22352064617973222C2261677265656D656E7473223A2236383237646434313864303232313961326538366136636437386666316634663232396534386539626465626638313965623435623931323561633866373730222C226D6174726978223A2230613035376563626430333063633863613866343937386433303636656232393738633063336335346263656165346466623832633235623435323264666137227D', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('acme', 'd', '6827dd418d02219a2e86a6cd78ff1f4f229e48e9bdebf819eb45b9125ac8f770', 1, X'7B2261677265656D656E7473223A5B7B226E616D65223A227374616E64617264222C22706F736974696F6E223A312C227768656E223A22616C77617973222C2274617267657473223A5B7B226D6574726963223A227265736F6C7574696F6E222C2274696D65223A223868222C226D65617375726564223A2277616C6C222C227761726E5F6174223A5B35305D7D5D2C226F6E5F72656F70656E223A22636F6E74696E7565222C226F6E5F7072696F726974795F6368616E6765223A2266726F6D5F6F70656E696E67222C226F6E5F706F6C6963795F6368616E6765223A2270696E227D5D7D', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('acme', 'r', 'click-1', 1, X'A370B25176FEC041E580FCBC08E09914019000000000700080000000000000020305', NULL, NULL, NULL, 'SbT9tSt9-', NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('acme', 'r', 'form-1', 1, X'5F97655D72A0B4468F27FB0B6752ECA0019000000000700080000000000000010002', NULL, NULL, NULL, 'SbT9tSt9-', NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('acme', 't', 'чат-9', 1, X'01900000000070008000000000000001', NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO firstline_record VALUES ('beta', 'x', '3 old 4711', 1, X'01900000000070008000000000000002', NULL, NULL, NULL, NULL, NULL, NULL, 0);
COMMIT;
