//! The lab's pages without a page: which instruments there are, and what stands in their fields.

pub mod compress;
pub mod memory;
pub mod precision;
pub mod replicas;
pub mod roofline;
pub mod scale;
pub mod scale_pictures;

use std::collections::BTreeMap;

/// Whether the address names something for `key` that is none of `offered`; the page tells it below the field.
pub fn is_unknown(settings: &BTreeMap<String, String>, key: &str, offered: &[&str]) -> bool {
    let named = settings.get(key).map(String::as_str);
    named.is_some_and(|named| !named.is_empty() && !offered.contains(&named))
}

/// An instrument of the lab; each has its own address, `/lab/<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstrumentId {
    Scale,
    Roofline,
    Memory,
    Precision,
    Replicas,
    Compress,
}

impl InstrumentId {
    /// In the order in which they are offered.
    pub const ALL: [Self; 6] = [
        Self::Scale,
        Self::Roofline,
        Self::Memory,
        Self::Precision,
        Self::Replicas,
        Self::Compress,
    ];

    /// The name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scale => "scale-calc",
            Self::Roofline => "roofline",
            Self::Memory => "memory",
            Self::Precision => "mixed-precision",
            Self::Replicas => "ddp-4",
            Self::Compress => "compress",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name)
    }
}
