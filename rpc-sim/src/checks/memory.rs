//! Memory stays within its bounds.

use crate::journal::SessionKey;
use crate::world::World;

impl World {
    /// A session was told something.
    pub(crate) fn check_memory(&mut self, key: &SessionKey) {
        let limits = self.plan.server.limits.clone();
        let Some(process) = self.process(key) else { return };
        let all = process.endpoint.replies_kept();
        let live = process.sessions.values().filter(|host| !host.gone);
        let kept_by_all: usize = live.map(|host| host.session.replies_kept()).sum();
        let executing_all: usize = process.sessions.values().map(|host| host.session.executing()).sum();
        let sessions = process.sessions.values().filter(|host| !host.gone).count();
        let counted = process.endpoint.stats().executing as usize;
        if counted != executing_all {
            let what = format!("{executing_all} handlers run, and {counted} places are taken");
            return self.violate("memory", what);
        }
        let Some(host) = process.sessions.get(&key.session) else { return };
        let (kept, executing) = (host.session.replies_kept(), host.session.executing());
        let bounds = [
            ("bytes of replies in a session", kept, limits.replies_max),
            ("bytes of replies in a server", all, limits.replies_all_max),
            ("bytes of replies in all sessions", kept_by_all, all.min(limits.replies_all_max)),
            ("handlers of a session", executing, limits.slots as usize),
            ("handlers of a server", executing_all, limits.executing_max),
            ("sessions", sessions, limits.sessions_max),
        ];
        for (what, are, most) in bounds {
            if are > most {
                self.violate("memory", format!("{key}: {are} {what}, at most {most}"));
            }
        }
    }
}
