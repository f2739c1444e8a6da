mod classes;
mod policy;
mod scripted;
