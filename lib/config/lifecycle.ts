/** The lifecycle hook under which Auto Scaling waits before it terminates a node. The template defines it, and the agent of the node ends it. */
export const DRAIN_HOOK = 'drain';
