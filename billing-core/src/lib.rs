//! billing-core
