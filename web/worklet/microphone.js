/** The microphone as the contract takes it: PCM16 at 24 kHz in pieces of 20 ms. */
import { Resampler } from './resampler.js'

const RATE = 24_000
const PIECE = RATE / 50

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super()
    this.resampler = new Resampler(sampleRate, RATE)
    this.piece = new Int16Array(PIECE)
    this.filled = 0
  }

  process([[samples]]) {
    if (samples) for (const sample of this.resampler.feed(samples)) this.add(sample)
    return true
  }

  add(sample) {
    this.piece[this.filled] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)))
    this.filled += 1
    if (this.filled < PIECE) return
    this.port.postMessage(this.piece, [this.piece.buffer])
    this.piece = new Int16Array(PIECE)
    this.filled = 0
  }
}

registerProcessor('microphone', Microphone)
