"""The demo: a runtime, a pool, a pilot and a two-step workflow, from nothing to nothing."""
