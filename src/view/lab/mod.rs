//! The lab's pages without a page: which instruments there are, and what stands in their fields.

pub mod scale;

/// An instrument of the lab; each has its own address, `/lab/<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstrumentId {
    Scale,
}

impl InstrumentId {
    /// In the order in which they are offered.
    pub const ALL: [Self; 1] = [Self::Scale];

    /// The name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scale => "scale-calc",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
}
