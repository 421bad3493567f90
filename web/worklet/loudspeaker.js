/**
 * Plays PCM16 at 24 kHz, item after item, and counts what was played of each. It is told { item, pcm }, { end: item },
 * { paused } and { flush: true }; it tells { started: item }, { stopped: item }, { flushed: item or null, ms } and
 * { full: samples }.
 */
import { Resampler } from './resampler.js'

const RATE = 24_000
const AT_ONCE = 64
const CUSHION = RATE * 0.06
const LONGEST = RATE * 300
const NOTHING = new Float32Array(0)

class Loudspeaker extends AudioWorkletProcessor {
  constructor() {
    super()
    this.resampler = new Resampler(RATE, sampleRate)
    this.clear()
    this.port.onmessage = ({ data }) => this.told(data)
  }

  clear() {
    this.resampler.reset()
    Object.assign(this, { queue: [], held: 0, flowing: false, paused: false, item: null, played: 0, block: NOTHING, at: 0 })
  }

  told({ item, pcm, end, flush, paused }) {
    if (flush) this.flush()
    else if (paused !== undefined) this.paused = paused
    else if (end) this.queue.push({ item: end, pcm: null })
    else if (this.held + pcm.length > LONGEST) this.port.postMessage({ full: pcm.length })
    else {
      this.queue.push({ item, pcm, from: 0 })
      this.held += pcm.length
    }
  }

  flush() {
    this.port.postMessage({ flushed: this.item, ms: (this.played * 1000) / RATE })
    this.clear()
  }

  process(_inputs, [[out]]) {
    for (let i = 0; i < out.length && !this.paused; i += 1) {
      if (this.at === this.block.length) this.next()
      if (this.block.length === 0) break
      out[i] = this.block[this.at]
      this.at += 1
    }
    return true
  }

  next() {
    this.at = 0
    this.block = NOTHING
    while (this.block.length === 0 && this.ready()) this.block = this.resampler.feed(this.take())
  }

  /** Whether sound may be taken: after it ran out, not before a little of it waits or all of it is there. */
  ready() {
    while (this.queue[0]?.pcm === null) this.stop(this.queue.shift().item)
    if (this.queue.length === 0) this.flowing = false
    else this.flowing ||= this.held >= CUSHION || this.queue.some((one) => one.pcm === null)
    return this.flowing
  }

  take() {
    const first = this.queue[0]
    if (this.item !== first.item) this.start(first.item)
    const taken = Float32Array.from(first.pcm.subarray(first.from, first.from + AT_ONCE), (sample) => sample / 32768)
    first.from += taken.length
    if (first.from === first.pcm.length) this.queue.shift()
    this.played += taken.length
    this.held -= taken.length
    return taken
  }

  start(item) {
    Object.assign(this, { item, played: 0 })
    this.port.postMessage({ started: item })
  }

  stop(item) {
    if (this.item === item) this.item = null
    this.port.postMessage({ stopped: item })
  }
}

registerProcessor('loudspeaker', Loudspeaker)
