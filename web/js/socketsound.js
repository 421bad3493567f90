/** The sound of a call over a WebSocket: pieces of the microphone out of the context, the answers into it. */
const LOADED = ['microphone', 'loudspeaker']

export class SocketSound {
  /** `context` runs; `piece` takes 20 ms as base64; `played` is told started, stopped or full, and an item or samples. */
  constructor({ context, piece, played }) {
    Object.assign(this, { context, piece, played, source: null, waiting: [] })
  }

  /** Load the worklets; raises DOMException where the browser refuses. Returns the stream that plays. */
  async open() {
    const modules = LOADED.map((name) => this.context.audioWorklet.addModule(new URL(`../worklet/${name}.js`, import.meta.url)))
    await Promise.all(modules)
    this.microphone = new AudioWorkletNode(this.context, 'microphone', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' })
    this.microphone.port.onmessage = ({ data }) => this.piece(base64(new Uint8Array(data.buffer)))
    this.loudspeaker = new AudioWorkletNode(this.context, 'loudspeaker', { numberOfInputs: 0, outputChannelCount: [1] })
    this.loudspeaker.port.onmessage = ({ data }) => this.told(data)
    const out = this.context.createMediaStreamDestination()
    this.loudspeaker.connect(out)
    return out.stream
  }

  /** Speak through this microphone from now on. */
  listen(stream) {
    this.source?.disconnect()
    this.source = stream ? this.context.createMediaStreamSource(stream) : null
    this.source?.connect(this.microphone)
  }

  /** Queue base64 PCM16 at 24 kHz. */
  play(item, sound) {
    const bytes = Uint8Array.from(atob(sound), (one) => one.charCodeAt(0))
    this.loudspeaker.port.postMessage({ item, pcm: new Int16Array(bytes.buffer) }, [bytes.buffer])
  }

  /** No more sound comes for this item. */
  finish(item) {
    this.loudspeaker.port.postMessage({ end: item })
  }

  /** Be silent for now, or go on where it stopped. */
  pause(paused) {
    this.loudspeaker.port.postMessage({ paused })
  }

  /** Drop what was not played; returns { item, ms }: what played and how much of it was heard. `item` null: nothing did. */
  flush() {
    this.loudspeaker.port.postMessage({ flush: true })
    return new Promise((done) => { this.waiting.push(done) })
  }

  close() {
    this.listen(null)
    this.loudspeaker?.disconnect()
    for (const node of [this.microphone, this.loudspeaker]) node?.port.close()
  }

  told({ started, stopped, flushed, full, ms }) {
    if (flushed !== undefined) return this.waiting.shift()({ item: flushed, ms: Math.max(0, Math.round(ms - this.onTheWay)) })
    const [name, value] = started ? ['started', started] : stopped ? ['stopped', stopped] : ['full', full]
    return this.played(name, value)
  }

  /** Milliseconds between what left the worklet and what left the loudspeaker, as far as the browser knows. */
  get onTheWay() {
    return (this.context.outputLatency || 0) * 1000
  }
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes))
}
