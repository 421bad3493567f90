/** The line from getStats: differences once a second, a grade that falls fast and recovers slowly, and warnings. Pure but for reading. */
const KEPT = 300
const GRADES = ['lost', 'poor', 'fair', 'good']
const RECOVER_AFTER = 5

/** Read what matters out of a stats report. */
export function read(report, at) {
  const found = { at, inbound: null, outbound: null, theirs: null, pair: null, playout: null }
  for (const one of report.values()) {
    if (one.type === 'inbound-rtp' && one.kind === 'audio') found.inbound = one
    if (one.type === 'outbound-rtp' && one.kind === 'audio') found.outbound = one
    if (one.type === 'remote-inbound-rtp' && one.kind === 'audio') found.theirs = one
    if (one.type === 'media-playout') found.playout = one
    if (one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded') found.pair = one
  }
  found.kinds = kinds(report, found.pair)
  return found
}

/** What happened between two readings. Losses and concealment are fractions, times milliseconds. */
export function between(before, after) {
  const seconds = Math.max(0.001, (after.at - before.at) / 1000)
  const gone = (side, name) => (after[side]?.[name] ?? 0) - (before[side]?.[name] ?? 0)
  const lost = Math.max(0, gone('inbound', 'packetsLost'))
  const got = gone('inbound', 'packetsReceived')
  const samples = gone('inbound', 'totalSamplesReceived')
  const concealed = Math.max(0, gone('inbound', 'concealedSamples') - gone('inbound', 'silentConcealedSamples'))
  const emitted = gone('inbound', 'jitterBufferEmittedCount')
  const played = gone('playout', 'totalSamplesCount')
  return {
    at: after.at,
    down: { loss: got + lost > 0 ? lost / (got + lost) : 0, packets: got, jitter: ms(after.inbound?.jitter),
      concealed: samples > 0 ? concealed / samples : 0, kbps: (gone('inbound', 'bytesReceived') * 8) / 1000 / seconds,
      buffer: emitted > 0 ? (gone('inbound', 'jitterBufferDelay') / emitted) * 1000 : null,
      output: played > 0 ? (gone('playout', 'totalPlayoutDelay') / played) * 1000 : null },
    up: { loss: after.theirs?.fractionLost ?? 0, jitter: ms(after.theirs?.jitter),
      kbps: (gone('outbound', 'bytesSent') * 8) / 1000 / seconds },
    rtt: rtt(after), kinds: after.kinds,
  }
}

/** Keeps the samples of a call and grades them. */
export class Line {
  constructor() {
    this.samples = []
    this.grade = null
    this.better = 0
    this.quiet = 0
  }

  add(sample) {
    this.samples.push(sample)
    if (this.samples.length > KEPT) this.samples.shift()
    this.quiet = sample.down.packets > 0 ? 0 : this.quiet + 1
    this.settle(this.quiet >= 4 ? 0 : rank(sample))
    return this.grade
  }

  get last() {
    return this.samples.at(-1) ?? null
  }

  settle(rated) {
    const now = this.grade === null ? -1 : GRADES.indexOf(this.grade)
    this.better = rated > now ? this.better + 1 : 0
    if (this.grade !== null && rated > now && this.better < RECOVER_AFTER) return
    this.better = 0
    this.grade = GRADES[rated]
  }

  /** What has been wrong for a while: which, and in which direction. */
  warnings() {
    const of = (count) => this.samples.slice(-count)
    const often = (test) => of(5).filter(test).length >= 3
    const rows = [
      ['rtt', often((one) => one.rtt > 400)],
      ['jitter-down', often((one) => one.down.jitter > 30)],
      ['jitter-up', often((one) => one.up.jitter > 30)],
      ['loss-down', this.samples.length >= 7 && mean(of(7).map((one) => one.down.loss)) > 0.03],
      ['loss-up', this.samples.length >= 7 && mean(of(7).map((one) => one.up.loss)) > 0.03],
    ]
    return rows.filter(([, is]) => is).map(([name]) => name)
  }
}

/** Mean opinion score after the simplified E-model (ITU-T G.107) for Opus with concealment. */
export function mos(loss, rttMs, bufferMs) {
  const delay = rttMs / 2 + (bufferMs ?? 40) + 20
  const impaired = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0)
  const r = Math.max(0, 93.2 - impaired - (95 * loss * 100) / (loss * 100 + 10))
  return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6
}

function rank(sample) {
  const score = mos(Math.max(sample.down.loss, sample.up.loss), sample.rtt ?? 0, sample.down.buffer)
  const jitter = Math.max(sample.down.jitter ?? 0, sample.up.jitter ?? 0)
  if (score < 3.5 || sample.rtt > 400 || jitter > 60) return 1
  return score < 3.9 || sample.rtt > 250 || jitter > 30 ? 2 : 3
}

function kinds(report, pair) {
  const local = report.get?.(pair?.localCandidateId)
  const remote = report.get?.(pair?.remoteCandidateId)
  return local && remote ? { local: local.candidateType, remote: remote.candidateType, protocol: local.protocol,
    relay: local.candidateType === 'relay' } : null
}

function rtt(reading) {
  return ms(reading.theirs?.roundTripTime) ?? ms(reading.pair?.currentRoundTripTime)
}

function ms(seconds) {
  return Number.isFinite(seconds) ? seconds * 1000 : null
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
