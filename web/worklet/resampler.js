/** From one rate to another: a windowed sinc, one row of weights for each place between two samples. Pure. */
const CROSSINGS = 12
const CUT = 0.94

export class Resampler {
  /** `from` and `to` in Hz, whole numbers. */
  constructor(from, to) {
    const common = divisor(from, to)
    Object.assign(this, { up: to / common, down: from / common })
    this.taps = 2 * Math.ceil(CROSSINGS * Math.max(1, from / to))
    this.rows = Array.from({ length: this.up }, (_, phase) => weights(phase / this.up, this.taps, CUT * Math.min(1, to / from)))
    this.reset()
  }

  /** Forget what was fed. */
  reset() {
    this.place = 0
    this.kept = new Float32Array(this.taps - 1)
  }

  /** Take samples of the one rate, return as many of the other as they complete. */
  feed(samples) {
    const all = new Float32Array(this.kept.length + samples.length)
    all.set(this.kept)
    all.set(samples, this.kept.length)
    const last = (all.length - this.taps) * this.up
    const made = new Float32Array(Math.max(0, Math.floor((last - this.place + this.up - 1) / this.down) + 1))
    for (let i = 0; i < made.length; i += 1, this.place += this.down) made[i] = weighed(all, Math.floor(this.place / this.up), this.rows[this.place % this.up])
    const used = Math.min(Math.floor(this.place / this.up), all.length)
    this.kept = all.slice(used)
    this.place -= used * this.up
    return made
  }
}

function weighed(samples, first, row) {
  let sum = 0
  for (let i = 0; i < row.length; i += 1) sum += samples[first + i] * row[i]
  return sum
}

function weights(shift, taps, cut) {
  const row = Float32Array.from({ length: taps }, (_, i) => {
    const x = i - taps / 2 + 1 - shift
    return sinc(cut * x) * Math.cos((Math.PI * x) / (taps + 2)) ** 2
  })
  const sum = row.reduce((so_far, one) => so_far + one, 0)
  return row.map((one) => one / sum)
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b)
}
