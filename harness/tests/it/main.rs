//! What holds of the program as a whole, short of running a cluster.

mod command_line;
mod doors;
mod interpreter;
mod load;
mod oracle;
mod record;
mod script;
mod sim;
mod stage;
