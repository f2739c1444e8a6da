//! billing-indexer
