//! What the kernel knows about a process: time, memory, end.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Memory in use, kB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub now: u64,
    pub peak: u64,
}

/// `None` when the process has ended.
pub fn memory(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    Some(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// User and system time of a process and of its threads, also of one that ended and was not waited for.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold spaces; times are the twelfth and thirteenth field after it.
    let (_, fields) = stat.rsplit_once(") ").context("no name in a process' status")?;
    let mut times = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let mut next = || times.next().context("no times in a process' status");
    let ticks = next()?? + next()??;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// Whether it has ended; it stays readable for [`cpu`].
pub fn has_ended(pid: u32) -> Result<bool> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("no such process")?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(pid), options)?.is_some())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_time_of_a_process_is_known_until_somebody_waits_for_it() -> Result<()> {
        let mut busy = Command::new("sh").args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]).spawn()?;
        while !has_ended(busy.id())? {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(cpu(busy.id())? >= Duration::from_millis(20));
        assert!(memory(busy.id()).is_none());
        busy.wait()?;
        assert!(cpu(busy.id()).is_err());
        Ok(())
    }

    #[test]
    fn memory_peaks_at_or_above_what_is_in_use() {
        let memory = memory(std::process::id()).expect("this process runs");
        assert!(memory.now > 1_000 && memory.peak >= memory.now);
    }
}
