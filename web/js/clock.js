/** The server's clock seen from here: of many pings the one with the shortest round trip says most. Pure. */
const KEPT = 32

export class ServerClock {
  constructor() {
    this.pings = []
  }

  /** A pong: sent at `t0`, the server wrote `at`, it came back at `now`; all milliseconds. */
  pong(t0, at, now) {
    if (!Number.isFinite(t0) || !Number.isFinite(at) || now < t0) return
    this.pings.push({ trip: now - t0, offset: at - (t0 + now) / 2 })
    if (this.pings.length > KEPT) this.pings.shift()
  }

  get best() {
    return this.pings.reduce((best, ping) => (best === null || ping.trip < best.trip ? ping : best), null)
  }

  /** Half the best round trip: how wrong the mapping may be, `null` before the first pong. */
  get uncertainty() {
    return this.best === null ? null : this.best.trip / 2
  }

  /** Server milliseconds to milliseconds of `performance.now()`, `null` before the first pong. */
  local(serverMs) {
    return this.best === null ? null : serverMs - this.best.offset
  }
}
