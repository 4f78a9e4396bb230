//! BN254 (alt_bn128) over arkworks: Groth16 by `.zkey` files, sums of multiples, transforms, the
//! EVM's curve precompiles, and the ones of ours.
//!
//! Every number crosses the boundary as 32 bytes big-endian and every point as EIP-196 and EIP-197
//! write it (in G2 the imaginary part first; the identity is all zeros). `.zkey` files are read as
//! they lie on disk, and what belongs to a witness is little-endian, as its file is.

mod combine;
mod fft;
mod field;
mod grain;
mod inversion;
mod msm;
mod own;
mod pairing;
mod points;
mod poseidon;
mod precompiles;
mod program;
mod prove;
mod python;
mod quotient;
mod sections;
mod verify;
mod zkey;

pub use own::{OwnPrecompile, own_precompile};
pub use python::register;
