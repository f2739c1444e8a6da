//! billing-api
