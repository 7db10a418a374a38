//! The camera routing table of a room: published by the room, read by the media threads.

use std::sync::Arc;

use arc_swap::ArcSwap;
use conclave_core::media::cameras::Routes;

/// Which viewers get which layer of which camera. Replaced as a whole; readers never wait.
#[derive(Debug, Default)]
pub struct CameraRoutes {
    routes: ArcSwap<Routes>,
}

impl CameraRoutes {
    pub fn new() -> Arc<CameraRoutes> {
        Arc::default()
    }

    /// The room has new routes; frames that come from now on follow them.
    pub fn publish(&self, routes: Routes) {
        self.routes.store(Arc::new(routes));
    }

    pub fn current(&self) -> arc_swap::Guard<Arc<Routes>> {
        self.routes.load()
    }
}
