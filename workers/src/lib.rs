//! billing-workers
