//! A block's answer to an access that its model does not cover. Registers give it too, without knowing of blocks.

/// Software touched a register, or started a function of a block, that the model does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("register is not modelled")]
pub struct Unmodelled;
