//! Connections to backends that are kept for the next request: nginx's `keepalive`, which limits how many are
//! idle, not how many there are.

/// Idle connections of one balancer instance, by server.
#[derive(Clone, Debug)]
pub(super) struct IdleConnections {
    most: u32,
    all: u32,
    by_server: Vec<u32>,
}

impl IdleConnections {
    /// Keeps at most so many, over all servers.
    pub(super) fn new(most: u32, servers: usize) -> Self {
        Self { most, all: 0, by_server: if most == 0 { Vec::new() } else { vec![0; servers] } }
    }

    /// Whether a request to a server goes over a connection that is there.
    pub(super) fn reuse(&mut self, server: usize) -> bool {
        match self.by_server.get_mut(server) {
            Some(idle) if *idle > 0 => {
                *idle -= 1;
                self.all -= 1;
                true
            }
            _ => false,
        }
    }

    /// A request is over: its connection is kept if that went well and there is room. If not, the others to that
    /// server are taken for broken as well.
    pub(super) fn answered(&mut self, server: usize, well: bool) {
        let Some(idle) = self.by_server.get_mut(server) else { return };
        if !well {
            self.all -= *idle;
            *idle = 0;
        } else if self.all < self.most {
            *idle += 1;
            self.all += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_ones_are_limited_and_those_in_use_are_not() {
        let mut idle = IdleConnections::new(2, 2);
        assert!(!idle.reuse(0));
        for server in [0, 0, 1] {
            idle.answered(server, true);
        }
        assert!(!idle.reuse(1), "the third was closed");
        assert!(idle.reuse(0) && idle.reuse(0) && !idle.reuse(0));
        idle.answered(1, true);
        idle.answered(1, false);
        assert!(!idle.reuse(1), "a broken one says that the others are");
        let mut none = IdleConnections::new(0, 2);
        none.answered(0, true);
        assert!(!none.reuse(0));
    }
}
