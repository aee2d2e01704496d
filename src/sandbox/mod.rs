//! A simulated SAP landscape for trying certsteward and for its tests.
//! It names nothing of the rest.
