/** The second opinion: from the last loud block of the microphone to the first loud block of the answer. Pure. */
const FLOOR = 0.004
const ABOVE = 4
const REMOTE = 0.004
const GAP_MS = 400
const LONGEST_MS = 15_000
const SPEECH_BLOCKS = 4

export class Ear {
  constructor() {
    this.noise = FLOOR
    this.loud = 0
    this.lastVoice = null
    this.lastRemote = -Infinity
  }

  /** One block of about 10 ms that began at `at` ms; returns milliseconds when an answer begins here, else null. */
  block(at, mic, remote) {
    this.voice(at, mic)
    if (remote < REMOTE) return null
    const began = at - this.lastRemote > GAP_MS
    this.lastRemote = at
    return began ? this.onset(at) : null
  }

  voice(at, mic) {
    const loud = mic > Math.max(FLOOR, this.noise * ABOVE)
    this.noise += (mic - this.noise) * (mic < this.noise ? 0.1 : 0.001)
    this.loud = loud ? this.loud + 1 : 0
    if (this.loud >= SPEECH_BLOCKS) this.lastVoice = at + 10
  }

  onset(at) {
    const since = this.lastVoice === null ? null : at - this.lastVoice
    if (since === null || since <= 20 || since > LONGEST_MS) return null
    this.lastVoice = null
    return since
  }
}
