//! What the operating system tells of our process, read from `/proc/self` at each scrape.
//! Where it does not tell, the metric is left out.

use std::sync::{Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Registry};

use super::catalogue::CATALOGUE;

/// The clock ticks of `/proc/self/stat`: fixed at 100 a second towards programs on every Linux we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A registry that tells of this process.
#[expect(clippy::expect_used, reason = "the names are constants of the catalogue, valid and each registered once")]
pub(super) fn registry() -> Registry {
    let registry = Registry::new();
    let process = Process::new().expect("the names of the process metrics are valid");
    registry.register(Box::new(process)).expect("the process is registered once");
    registry
}

struct Process {
    cpu: Counter,
    open_fds: Gauge,
    max_fds: Gauge,
    memory: Gauge,
    start: Gauge,
    /// One scrape at a time: the counter is brought up to what the system says.
    scrape: Mutex<()>,
}

impl Process {
    fn new() -> prometheus::Result<Self> {
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", help("process_cpu_seconds_total"))?,
            open_fds: gauge("process_open_fds")?,
            max_fds: gauge("process_max_fds")?,
            memory: gauge("process_resident_memory_bytes")?,
            start: gauge("process_start_time_seconds")?,
            scrape: Mutex::new(()),
        })
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = [&self.open_fds, &self.max_fds, &self.memory, &self.start];
        gauges.into_iter().flat_map(Collector::desc).chain(self.cpu.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _one_at_a_time = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        let mut families = Vec::new();
        if let Some(seconds) = cpu_seconds() {
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
            families.extend(self.cpu.collect());
        }
        let told = [
            (&self.open_fds, open_fds()),
            (&self.max_fds, max_fds()),
            (&self.memory, resident_bytes()),
            (&self.start, start_seconds()),
        ];
        for (gauge, value) in told {
            if let Some(value) = value {
                gauge.set(value);
                families.extend(gauge.collect());
            }
        }
        families
    }
}

fn gauge(name: &str) -> prometheus::Result<Gauge> {
    Gauge::new(name, help(name))
}

fn help(name: &str) -> &'static str {
    CATALOGUE.iter().find(|metric| metric.name == name).map_or("", |metric| metric.help)
}

fn cpu_seconds() -> Option<f64> {
    Some((stat_field(14)? + stat_field(15)?) / TICKS_PER_SECOND)
}

fn start_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + stat_field(22)? / TICKS_PER_SECOND)
}

/// A field of `/proc/self/stat`, counted from 1 as proc(5) does; the name in parentheses may hold spaces.
fn stat_field(number: usize) -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn open_fds() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(count).ok().map(f64::from)
}

fn max_fds() -> Option<f64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
