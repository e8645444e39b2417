//! Messages that stand on the page until they are dismissed or their cause is gone.

use super::texts::Trouble;

/// Where a message comes from; a newer one of the same origin replaces the older.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The engine is gone, or could not start.
    Engine,
    /// The run.
    Run,
    /// A file that the learner gave.
    File,
    /// A value of this query key in the address.
    Address(String),
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub origin: Origin,
    pub trouble: Trouble,
}

/// The messages on the page, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices(Vec<Notice>);

impl Notices {
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.0.iter()
    }

    /// Shows a message in place of the one from the same origin.
    pub fn show(&mut self, origin: Origin, trouble: Trouble) {
        self.dismiss(&origin);
        self.0.push(Notice { origin, trouble });
    }

    /// Whether the message from this origin tells of the same kind of trouble.
    pub fn tells_of(&self, origin: &Origin, trouble: &Trouble) -> bool {
        let kind = std::mem::discriminant(trouble);
        self.0
            .iter()
            .any(|n| n.origin == *origin && std::mem::discriminant(&n.trouble) == kind)
    }

    pub fn dismiss(&mut self, origin: &Origin) {
        self.0.retain(|notice| notice.origin != *origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(reason: &str) -> Trouble {
        Trouble::Other {
            reason: reason.into(),
        }
    }

    #[test]
    fn a_newer_message_replaces_the_older_of_its_origin() {
        let mut notices = Notices::default();
        notices.show(Origin::Run, other("a"));
        notices.show(Origin::Address("lr".into()), other("b"));
        notices.show(Origin::Run, other("c"));
        let shown: Vec<_> = notices.iter().map(|notice| &notice.trouble).collect();
        assert_eq!(shown, [&other("b"), &other("c")]);
        assert!(notices.tells_of(&Origin::Run, &other("d")));
        assert!(!notices.tells_of(&Origin::Run, &Trouble::NoAdapter));
        notices.dismiss(&Origin::Address("batch".into()));
        assert_eq!(notices.iter().count(), 2);
        notices.dismiss(&Origin::Address("lr".into()));
        assert_eq!(notices.iter().count(), 1);
    }
}
