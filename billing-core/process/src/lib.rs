//! billing-process
