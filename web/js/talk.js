/** The course of a call: permission, connection, events, errors and the end. It knows no element; `ui` is told what to show. */
import { Call } from './call.js'
import { ServerClock } from './clock.js'
import { Conversation } from './conversation.js'
import * as devices from './devices.js'
import { microphoneError, reasonError, refusalError } from './errors.js'
import { Ring } from './eventlog.js'
import { Levels } from './levels.js'
import { Line, between, read } from './quality.js'
import { Refusal } from './signalling.js'
import * as states from './states.js'
import { offered, run } from './tools.js'

const SERVER_BUFFER_MS = 40
const FRAME_MS = 20
const EAR_WAIT_MS = 400
const SILENT_MS = 5000
const SILENT_RMS = 0.001
const NO_MEDIA_MS = 5000
const RETRY_AFTER_S = 5
const HANG_UP_MS = 500

const STATE_OF = {
  'session.created': 'ready',
  'input_audio_buffer.speech_started': 'voice',
  'input_audio_buffer.speech_stopped': 'quiet',
  'response.created': 'thinking',
  'output_audio_buffer.started': 'speaking',
  'output_audio_buffer.stopped': 'silent',
  'output_audio_buffer.cleared': 'silent',
  'reply.resumed': 'speaking',
  interrupted: 'interrupted',
}

export class Talk {
  /** `audio` is the element that plays; `ui` has fresh, state, rows, turns, error, calm, log, line, granted, tick. */
  constructor({ prefs, audio, ui }) {
    Object.assign(this, { prefs, audio, ui, page: null, key: '', attempt: 0, call: null, stream: null })
    this.state = states.START
    this.levels = new Levels({ heard: (ear) => this.earHeard(ear) })
    this.fresh()
    setInterval(() => this.tick(), 100)
    setInterval(() => this.measure(), 1000)
  }

  fresh() {
    Object.assign(this, { conversation: new Conversation(), ring: new Ring(), line: new Line(), clock: new ServerClock(),
      startedAt: null, endedAt: null, facts: {}, response: null, playing: null, tools: [], previous: null, quietSince: null,
      connectedAt: null, held: false, step: '', thinkingTool: '', spoke: false, onSocket: false })
  }

  get at() {
    return this.startedAt === null ? 0 : (this.endedAt ?? performance.now()) - this.startedAt
  }

  /** Begin, from a click: sound and microphone are asked for before anything is awaited. */
  async start({ microphone = true } = {}) {
    if (states.busy(this.state)) return
    const sound = this.unlock()
    const asked = microphone ? this.ask() : Promise.resolve(null)
    this.attempt += 1
    const mine = this.attempt
    this.fresh()
    this.ui.fresh()
    this.to('start')
    const stream = await asked.catch((problem) => this.refused(problem, mine))
    if (stream === undefined || mine !== this.attempt) return stop(stream)
    await this.connect(stream, sound)
  }

  /** End it, or give up on starting. */
  async end(reason = 'client_closed') {
    this.attempt += 1
    const call = this.call
    this.call = null
    this.endedAt = performance.now()
    this.levels.stop()
    stop(this.stream)
    this.stream = null
    this.reason = reason
    this.ui.rows(this.conversation.close())
    this.to('ended')
    await call?.close({ tell: reason === 'client_closed' || reason === 'lost' })
  }

  mute(muted) {
    if (!states.live(this.state)) return
    this.to(muted ? 'mute' : 'unmute')
    this.listen()
  }

  /** The agent stops speaking now. */
  stopAgent() {
    if (this.response !== null) this.send({ type: 'response.cancel' })
    this.send({ type: 'output_audio_buffer.clear' })
  }

  /** Say something in writing. */
  type(text) {
    if (this.response !== null || this.playing !== null) this.stopAgent()
    const id = `item_page_${Math.random().toString(36).slice(2, 12)}`
    const item = { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
    if (!this.send({ type: 'conversation.item.create', item })) return false
    this.ui.rows(this.conversation.typed(id, text, this.at))
    return this.send({ type: 'response.create' })
  }

  /** Ask what the model remembers of an answer. */
  remember(id) {
    this.send({ type: 'conversation.item.retrieve', item_id: id })
  }

  /** Push-to-talk: the key or button goes down, and up. */
  hold(down) {
    if (!this.prefs.ptt || !states.live(this.state) || this.held === down) return
    this.held = down
    if (down) this.send({ type: 'input_audio_buffer.clear' })
    this.listen()
    this.to(down ? 'voice' : 'quiet')
    if (down) return
    this.send({ type: 'input_audio_buffer.commit' })
    this.send({ type: 'response.create' })
  }

  /** Other settings: told to the server at once when a call is up. */
  configure() {
    if (states.live(this.state)) this.send({ type: 'session.update', session: this.session() })
    this.listen()
  }

  /** Another microphone, in the middle of a call or before the next one. */
  async changeMicrophone() {
    if (this.call === null || this.stream === null) return
    stop(this.stream)
    const stream = await this.ask().catch((problem) => this.refused(problem, this.attempt))
    if (!stream) return
    this.hear(stream)
    await this.call?.replaceMicrophone(stream)
  }

  send(event) {
    return this.call?.send(event) ?? false
  }

  unlock() {
    if (navigator.audioSession) navigator.audioSession.type = 'play-and-record'
    const sound = this.levels.resume()
    this.audio.srcObject ??= this.levels.context.createMediaStreamDestination().stream
    const played = this.audio.play()
    return Promise.all([sound, played]).catch(() => this.ui.error('audio-blocked'))
  }

  async ask() {
    return navigator.mediaDevices.getUserMedia(devices.constraints(this.prefs))
  }

  async refused(problem, mine) {
    if (mine !== this.attempt) return
    const code = microphoneError(problem, await devices.permission())
    this.to('failed')
    this.ui.error(code, { detail: `${problem.name}: ${problem.message}` })
  }

  async connect(stream, sound) {
    const mine = this.attempt
    this.to('granted')
    if (!(await this.levels.open())) this.note({ type: 'page.no_meters' })
    this.hear(stream)
    if (mine !== this.attempt) return
    this.call = new Call(this.parties())
    const call = this.call
    await call.connect().catch((problem) => this.notConnected(problem, call))
    await Promise.race([sound, new Promise((done) => setTimeout(done, 1000))])
    if (!this.levels.running && this.call === call && call) this.ui.error('audio-blocked')
  }

  parties() {
    return { model: this.prefs.model, key: this.key, stream: this.stream, notify: (name, detail) => this.told(name, detail) }
  }

  /** No UDP passes: the call is made again over a WebSocket, once the server was told that the first is over, or in vain. */
  async blocked(tried) {
    const before = this.call
    const over = Promise.race([before.close(), new Promise((done) => setTimeout(done, HANG_UP_MS))])
    const load = import('./socketcall.js').catch((problem) => this.notConnected(problem, before))  // few ever need it
    const SocketCall = (await load)?.SocketCall
    if (this.call !== before) return
    const call = new SocketCall({ ...this.parties(), context: this.levels.context, tried, over })
    Object.assign(this, { call, onSocket: true, facts: { carrier: 'websocket' } })
    this.note({ type: 'page.blocked', state: tried })
    this.ui.line()
    await call.connect().catch((problem) => this.notConnected(problem, call))
  }

  hear(stream) {
    this.stream = stream
    const track = stream?.getAudioTracks()[0]
    if (track) {
      track.onended = () => this.call && this.microphoneGone()
      track.onmute = () => this.note({ type: 'page.microphone', state: 'muted by the system' })
    }
    this.levels.microphone(stream)
    if (this.prefs.record) this.levels.record()
    this.ui.granted(track)
    this.listen()
  }

  async microphoneGone() {
    this.prefs.microphone = ''
    this.ui.error('mic-gone')
    await this.changeMicrophone()
  }

  /** The microphone is open unless it is muted, or push-to-talk is not held. */
  listen() {
    const open = !this.state.muted && (!this.prefs.ptt || this.held)
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = open
  }

  async notConnected(problem, call) {
    if (this.call !== call) return
    const refused = problem instanceof Refusal
    const code = refused ? refusalError(problem, this.key !== '') : problem instanceof TypeError ? 'offline' : 'server'
    const seconds = refused && [429, 503].includes(problem.status) ? problem.retryAfter ?? RETRY_AFTER_S : null
    await this.drop()
    this.ui.error(code, { detail: problem.message, seconds })
  }

  async drop() {
    const call = this.call
    this.call = null
    this.attempt += 1
    this.levels.stop()
    stop(this.stream)
    this.stream = null
    this.to('failed')
    await call?.close()
  }

  told(name, detail) {
    const row = TOLD[name]
    if (row) row(this, detail)
  }

  connected() {
    this.startedAt = performance.now()
    this.connectedAt = this.startedAt
    this.to('connected')
    if (this.facts.session) this.to('ready')
  }

  async failed({ code, message }) {
    if (states.live(this.state)) await this.end(code)
    else await this.drop()
    this.ui.error(code, { detail: message })
  }

  event(message, direction = 'in') {
    if (message.type === 'pong') return this.clock.pong(message.t0, message.at, performance.now())
    this.log(direction, message)
    const act = ACTS[message.type]
    if (act) act(this, message)
    if (STATE_OF[message.type]) this.to(STATE_OF[message.type])
    const rows = this.conversation.take(message, this.at, (ms) => this.toCall(ms))
    if (rows.length > 0) this.ui.rows(rows)
    if (message.type === 'turn') this.mark(message)
    if (['turn', 'interrupted'].includes(message.type)) this.ui.turns()
  }

  mark({ response_id: response, item_id: item }) {
    const rows = this.conversation.rows.filter((row) => row.response === response).map((row) => row.id)
    this.ring.mark(this.conversation.turnOf(response).n, [response, item, ...rows])
  }

  toCall(serverMs) {
    const local = this.clock.local(serverMs)
    return local === null || this.startedAt === null ? null : local - this.startedAt
  }

  session() {
    const turns = this.prefs.ptt ? null : { type: 'server_vad', silence_duration_ms: this.prefs.silence }
    const { tools = true, turns: takesTurns = 'session' } = this.page?.models.find((one) => one.name === this.prefs.model) ?? {}
    const session = { type: 'realtime', audio: { output: {} } }
    if (takesTurns !== 'none') session.audio.input = { turn_detection: turns }
    if (this.prefs.voice) session.audio.output.voice = this.prefs.voice
    if (this.prefs.instructions) session.instructions = this.prefs.instructions
    if (tools) Object.assign(session, { tools: offered(), tool_choice: 'auto' })
    return session
  }

  toolCalled(item) {
    const { ok, output } = run(item.name, item.arguments)
    this.tools.push({ call_id: item.call_id, output })
    this.thinkingTool = item.name
    setTimeout(() => this.ui.rows(this.conversation.toolDone(item.call_id, output, ok, this.at)))
  }

  responseDone(response) {
    this.response = null
    const tools = this.tools.splice(0)
    for (const { call_id, output } of tools) {
      this.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output } })
    }
    if (tools.length > 0) this.send({ type: 'response.create' })
    else if (response.status !== 'completed' || this.playing === null) this.soon = performance.now() + 1500
    this.thinkingTool = tools.length > 0 ? this.thinkingTool : ''
  }

  ended({ reason, detail }) {
    const code = reasonError(reason)
    this.end(reason)
    if (code) this.ui.error(code, { detail, seconds: code === 'draining' ? RETRY_AFTER_S : null })
  }

  earHeard(ear) {
    if (this.state.muted) return
    setTimeout(() => {
      const response = this.playing ?? this.lastPlayed
      const last = this.line.last
      const estimate = (last?.rtt ?? 0) + FRAME_MS + SERVER_BUFFER_MS + (last?.down.buffer ?? 0)
      if (response && this.conversation.earMeasured(ear, response, estimate)) this.ui.turns()
    }, EAR_WAIT_MS)
  }

  to(event) {
    const before = this.state
    this.state = states.next(before, event, performance.now())
    if (this.state !== before) this.ui.state(this.state)
  }

  tick() {
    const now = performance.now()
    const before = this.state
    this.state = states.tick(before, now)
    if (this.soon && now > this.soon) {
      this.soon = 0
      if (this.playing === null && this.response === null) this.to('nothing')
    }
    this.silence(now)
    this.ui.tick(this.state, now, before !== this.state)
  }

  silence(now) {
    const track = this.stream?.getAudioTracks()[0]
    const silent = states.live(this.state) && track && this.levels.node && this.levels.running && this.levels.latest.mic.rms < SILENT_RMS
    if (!silent) {
      if (this.quietSince === Infinity) this.ui.calm('mic-silent')
      this.quietSince = null
    } else if (now - (this.quietSince ??= now) > SILENT_MS) {
      this.quietSince = Infinity
      if (!this.spoke) this.ui.error('mic-silent')
    }
  }

  async measure() {
    const call = this.call
    if (!states.live(this.state) || call?.peer === undefined) return
    const reading = read(await call.peer.getStats(), performance.now())
    if (this.call !== call) return
    if (this.previous !== null) this.sample(between(this.previous, reading))
    this.previous = reading
  }

  sample(sample) {
    const before = this.line.grade
    this.line.add(sample)
    this.log('page', { type: 'page.stats', ...sample })
    if (before !== this.line.grade) this.note({ type: 'page.line', state: this.line.grade })
    const packets = this.previous.inbound?.packetsReceived ?? 0
    const late = this.connectedAt !== null && performance.now() - this.connectedAt > NO_MEDIA_MS
    if (late && packets === 0 && this.playing !== null) this.ui.error('no-media', { detail: this.call.candidates() })
    else if (packets > 0) this.ui.calm('no-media')
    this.ui.line()
  }

  note(message) {
    this.log('page', message)
  }

  log(direction, message) {
    const turn = message.response_id ?? message.response?.id
    this.ring.add(direction, message, this.at, this.conversation.turnOf(turn)?.n ?? null)
    this.ui.log()
  }

  /** Everything that this page knows of the call. */
  saved() {
    const { rows, turns } = this.conversation
    return { format: 'mediaserver-call', version: 1, saved_at: new Date().toISOString(), session: this.facts, reason: this.reason ?? null,
      duration_ms: Math.round(this.at), rows, turns, events: this.ring.entries, stats: this.line.samples }
  }

  /** Look at a call that was saved. */
  view(saved) {
    this.fresh()
    this.conversation.restore(saved)
    this.ring.entries = saved.events
    this.facts = saved.session ?? {}
    this.line.samples = saved.stats ?? []
    this.startedAt = 0
    this.endedAt = saved.duration_ms
  }
}

/** What the call tells, and what becomes of it. */
const TOLD = {
  step: (talk, step) => { talk.step = step },
  track: (talk, stream) => {
    talk.audio.srcObject = stream
    talk.audio.play().catch(() => talk.ui.error('audio-blocked'))
    talk.levels.remote(stream)
  },
  connection: (talk) => talk.connected(),
  event: (talk, message) => talk.event(message),
  played: (talk, message) => talk.event(message, 'page'),
  sent: (talk, message) => talk.log('out', message),
  note: (talk, message) => talk.note(message),
  open: (talk, label) => talk.note({ type: 'page.channel', state: 'open', label }),
  retry: (talk, detail) => {
    talk.retry = detail
    talk.to('lost')
    talk.note({ type: 'page.retry', ...detail })
  },
  found: (talk) => talk.to('found'),
  blocked: (talk, tried) => talk.blocked(tried),
  failed: (talk, detail) => talk.failed(detail),
}

/** What an event of the server asks of the page beyond being shown. */
const ACTS = {
  'session.created': (talk, { session }) => {
    talk.facts = { ...talk.facts, session: session.id, model: session.model }
    talk.send({ type: 'session.update', session: talk.session() })
    talk.connectedAt ??= performance.now()
  },
  hello: (talk, { call_id: call, session_id: session, model, voice }) => { talk.facts = { ...talk.facts, call, session, model, voice } },
  'input_audio_buffer.speech_started': (talk) => { talk.spoke = true },
  'response.created': (talk, { response }) => { talk.response = response.id },
  'response.output_item.done': (talk, { item }) => item?.type === 'function_call' && talk.toolCalled(item),
  'response.done': (talk, { response }) => talk.responseDone(response),
  'output_audio_buffer.started': (talk, { response_id: id }) => { talk.playing = talk.lastPlayed = id },
  'output_audio_buffer.stopped': (talk) => { talk.playing = null },
  'output_audio_buffer.cleared': (talk) => { talk.playing = null },
  'conversation.item.input_audio_transcription.completed': (talk, { transcript }) => {
    if (!transcript.trim()) talk.soon = performance.now() + 500
  },
  ended: (talk, message) => talk.ended(message),
}

function stop(stream) {
  stream?.getTracks().forEach((track) => track.stop())
}
