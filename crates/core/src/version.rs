//! The supported versions of A2A.

/// A version of A2A: of a request, and of the pushes of a config that it created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// 1.0.
    #[default]
    V1_0,
    /// 0.3.
    V0_3,
}

impl ProtocolVersion {
    /// Major and minor, as in `A2A-Version`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V0_3 => "0.3",
        }
    }

    /// The version of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::V1_0, Self::V0_3].into_iter().find(|version| version.as_str() == name)
    }
}
