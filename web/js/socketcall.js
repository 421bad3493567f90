/** One call over a WebSocket, where no UDP passes: what Call does, with the sound inside the events. It draws nothing. */
import { SocketSound } from './socketsound.js'

const PROTOCOLS = ['realtime', 'mediaserver-events']
const KEY_PROTOCOL = 'openai-insecure-api-key.'
const FORMAT = { type: 'audio/pcm', rate: 24_000 }
const CONNECT_MS = 6_000
const PING_MS = 2_000
const MAX_WAITING = 128 * 1024

export class SocketCall {
  /** As Call; `context` is the page's AudioContext, `tried` what was tried before, `over` settles when that is over. */
  constructor({ model, key, stream, context, tried, over, notify, now = () => performance.now() }) {
    Object.assign(this, { model, key, stream, context, tried, over, notify, now, closed: false, reached: false })
    this.responses = new Map()
    this.dropped = new Set()
  }

  /** Load the worklets and open the socket; `failed` is told what goes wrong. Raises DOMException for a key that cannot be sent. */
  async connect() {
    this.notify('step', 'socket')
    this.sound = new SocketSound({ context: this.context, piece: (audio) => this.speak(audio), played: (name, what) => this.played(name, what) })
    const opened = this.sound.open().catch((problem) => this.lost(`AudioWorklet: ${problem.message}`))
    const [playing] = await Promise.all([opened, this.over])
    if (this.closed) return this.sound.close()
    this.sound.listen(this.stream)
    this.notify('track', playing)
    this.dial()
  }

  dial() {
    this.socket = new WebSocket(address(this.model), protocols(this.key))
    this.socket.onopen = () => this.opened()
    this.socket.onmessage = ({ data }) => this.received(data)
    this.socket.onclose = ({ code, reason }) => this.lost(`WebSocket ${code} ${reason}`.trim())
    this.deadline = setTimeout(() => this.reached || this.lost('WebSocket: no answer'), CONNECT_MS)
  }

  /** Send a client event; false while the socket is not open. What plays here is stopped here. */
  send(event) {
    if (!this.open) return false
    const whole = event.type === 'session.update' ? withFormats(event) : event
    this.socket.send(JSON.stringify(whole))
    this.notify('sent', whole)
    if (event.type === 'output_audio_buffer.clear') this.hush()
    return true
  }

  /** Speak through another microphone from now on. */
  async replaceMicrophone(stream) {
    this.stream = stream
    this.sound.listen(stream)
  }

  /** End the call and free everything. */
  async close() {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.deadline)
    clearInterval(this.pinging)
    this.sound?.close()
    this.socket?.close(1000)
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN
  }

  opened() {
    this.reached = true
    this.notify('open', 'websocket')
    this.notify('connection', 'connected')
    this.pinging = setInterval(() => this.ping(), PING_MS)
    this.ping()
  }

  ping() {
    if (this.open) this.socket.send(JSON.stringify({ type: 'ping', t0: this.now() }))
  }

  /** A piece of the microphone; one that the network does not take in time is left out. */
  speak(audio) {
    if (!this.open || this.socket.bufferedAmount > MAX_WAITING) return
    this.socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio }))
  }

  received(data) {
    if (this.closed) return
    const message = JSON.parse(data)
    const act = SOUND[message.type]
    if (act) act(this, message)
    const { delta, ...plain } = message
    this.notify('event', message.type === 'response.output_audio.delta' ? plain : message)
  }

  /** Be silent at once, and say how much was heard. */
  async hush() {
    const items = [...this.responses.keys()]
    for (const one of items) this.dropped.add(one)
    const { item, ms } = await this.sound.flush()
    if (item === null || this.closed) return
    this.send({ type: 'conversation.item.truncate', item_id: item, content_index: 0, audio_end_ms: ms })
    this.played('cleared', item)
    for (const one of items) this.responses.delete(one)
  }

  /** What the server says of the sound over WebRTC is known here. */
  played(name, what) {
    if (name === 'full') return this.notify('note', { type: 'page.sound_left_out', samples: what })
    const response = this.responses.get(what)
    if (name !== 'started') this.responses.delete(what)
    return this.notify('played', { type: `output_audio_buffer.${name}`, response_id: response, item_id: what })
  }

  lost(how) {
    if (this.closed) return
    if (this.reached) this.notify('failed', { code: 'lost', message: how })
    else this.notify('failed', { code: 'ice-failed', message: `${this.tried}; ${how}` })
  }
}

/** What the events that carry or stop sound do. */
const SOUND = {
  'response.output_audio.delta': (call, { item_id: item, response_id: response, delta }) => {
    if (call.dropped.has(item)) return
    call.responses.set(item, response)
    call.sound.play(item, delta)
  },
  'response.output_audio.done': (call, { item_id: item }) => call.responses.has(item) && call.sound.finish(item),
  'response.created': (call) => {
    call.dropped.clear()
    call.sound.pause(false)
  },
  'reply.paused': (call) => call.sound.pause(true),
  'reply.resumed': (call) => call.sound.pause(false),
  interrupted: (call) => call.hush(),
}

function address(model) {
  return `${location.origin.replace(/^http/, 'ws')}/v1/realtime?model=${encodeURIComponent(model)}`
}

function protocols(key) {
  return key ? [...PROTOCOLS, KEY_PROTOCOL + key] : PROTOCOLS
}

function withFormats({ session, ...event }) {
  const { input, output } = session.audio
  return { ...event, session: { ...session, audio: { input: { ...input, format: FORMAT }, output: { ...output, format: FORMAT } } } }
}
