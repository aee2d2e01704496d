//! Contracts from outside and from inside: SAP's own description of the Destination service, and the prose at the top of each role.
//! Nothing here knows how a contract is kept; that is tested beside whoever keeps it.

#[cfg(feature = "sandbox")]
mod openapi;
