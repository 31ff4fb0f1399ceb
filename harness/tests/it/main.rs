//! What holds of the program as a whole, short of running a cluster.

mod doors;
mod sim;
