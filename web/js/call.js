/** One call: a peer connection, its two data channels and the way back when the network goes. It draws nothing. */
import * as signalling from './signalling.js'

const EVENTS = 'oai-events'
const EXTENSION = 'mediaserver-events'
const PATH_MS = 2_500
const CONNECT_MS = 10_000
const TRIES = 5
const RECONNECT_MS = 30_000
const PING_MS = 2_000
const PATH_FOUND = ['connected', 'completed']
const BACKOFF_MS = [300, 1000, 2000, 4000, 8000]
const DISCONNECTED_MS = 1_500

export class Call {
  /**
   * `stream` is the microphone or null; `notify(name, detail)` is told: step, track, open, event, sent, connection, retry,
   * found, blocked (which candidates were tried in vain), failed (code, message), note (a line for the event log).
   */
  constructor({ model, key, stream, notify, now = () => performance.now() }) {
    Object.assign(this, { model, key, stream, notify, now })
    this.location = null
    this.closed = false
    this.reached = false
    this.restarting = false
    this.abort = new AbortController()
    this.timers = new Set()
  }

  /** Offer, answer, wait for media. Raises signalling.Refusal or TypeError when the offer does not get through. */
  async connect() {
    this.peer = new RTCPeerConnection()
    this.watch()
    this.microphone = this.addMicrophone()
    this.events = this.channel(EVENTS)
    this.extension = this.channel(EXTENSION)
    this.notify('step', 'offer')
    await this.peer.setLocalDescription(await this.peer.createOffer())
    const answer = await signalling.offer(this.model, this.key, this.peer.localDescription.sdp, this.abort.signal)
    this.location = answer.location
    if (this.closed) return signalling.hangUp(this.location, this.key)
    this.notify('step', 'ice')
    await this.peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp })
    this.after(PATH_MS, () => PATH_FOUND.includes(this.peer.iceConnectionState) || this.blocked())
    this.after(CONNECT_MS, () => this.blocked())
  }

  /** Send a client event on the contract's channel; false while it is not open. */
  send(event) {
    if (this.events?.readyState !== 'open') return false
    this.events.send(JSON.stringify(event))
    this.notify('sent', event)
    return true
  }

  /** Speak through another microphone from now on. */
  async replaceMicrophone(stream) {
    this.stream = stream
    await this.microphone.replaceTrack(stream.getAudioTracks()[0])
  }

  /** End the call and free everything. */
  async close({ tell = true } = {}) {
    if (this.closed) return
    this.closed = true
    this.abort.abort()
    for (const timer of this.timers) clearTimeout(timer)
    if (tell && this.location) await signalling.hangUp(this.location, this.key)
    this.peer?.close()
  }

  /** Which candidates were tried, for the error card and the log. */
  candidates() {
    const kinds = (sdp) => [...(sdp ?? '').matchAll(/^a=candidate:\S+ \d+ (\w+) .* typ (\w+)/gm)].map((m) => `${m[2]}/${m[1]}`)
    const ours = [...new Set(kinds(this.peer?.localDescription?.sdp))].join(', ') || 'none'
    const theirs = [...new Set(kinds(this.peer?.remoteDescription?.sdp))].join(', ') || 'none'
    return `local ${ours}; remote ${theirs}`
  }

  addMicrophone() {
    const track = this.stream?.getAudioTracks()[0]
    if (track) return this.peer.addTrack(track, this.stream)
    return this.peer.addTransceiver('audio', { direction: 'recvonly' }).sender
  }

  channel(label) {
    const channel = this.peer.createDataChannel(label)
    channel.onopen = () => {
      this.notify('open', label)
      if (label === EXTENSION) this.ping()
    }
    channel.onmessage = ({ data }) => this.received(label, data)
    return channel
  }

  received(label, data) {
    try {
      const message = JSON.parse(data)
      if (typeof message?.type === 'string') this.notify('event', message)
    } catch {
      this.notify('note', { type: 'page.malformed_message', channel: label })
    }
  }

  ping() {
    if (this.closed || this.extension.readyState !== 'open') return
    this.extension.send(JSON.stringify({ type: 'ping', t0: this.now() }))
    this.after(PING_MS, () => this.ping())
  }

  watch() {
    const peer = this.peer
    peer.ontrack = ({ track, streams }) => this.notify('track', streams[0] ?? new MediaStream([track]))
    peer.oniceconnectionstatechange = () => this.notify('note', { type: 'page.ice', state: peer.iceConnectionState })
    peer.onconnectionstatechange = () => this.connection(peer.connectionState)
  }

  connection(state) {
    if (this.closed) return
    this.notify('note', { type: 'page.connection', state })
    if (state === 'connected') this.notify(this.restarting ? 'found' : 'connection', state)
    if (state === 'connected') Object.assign(this, { reached: true, restarting: false })
    if (state === 'failed') this.lost()
    if (state === 'disconnected') this.after(DISCONNECTED_MS, () => this.peer.connectionState === 'disconnected' && this.lost())
  }

  lost() {
    if (this.location === null || this.restarting || this.closed) return
    if (!this.reached) return this.blocked()
    this.restarting = true
    this.retry(0, this.now())
  }

  async retry(tried, since) {
    if (this.closed || !this.restarting) return
    if (tried >= TRIES || this.now() - since > RECONNECT_MS) return this.fail('lost', '')
    this.notify('retry', { tried: tried + 1, of: TRIES })
    const gone = await this.restart()
    if (gone) return this.fail('lost', gone)
    this.after(BACKOFF_MS[tried] + 1500, () => this.retry(tried + 1, since))
  }

  /** One ICE restart; returns why another try is pointless, or nothing. */
  async restart() {
    try {
      const sdp = await this.freshOffer()
      const answer = await signalling.reoffer(this.location, this.key, sdp, this.abort.signal)
      if (!this.closed) await this.peer.setRemoteDescription({ type: 'answer', sdp: answer })
    } catch (problem) {
      if (problem instanceof signalling.Refusal && problem.status < 500) return problem.message || 'gone'
      this.notify('note', { type: 'page.retry_failed', problem: String(problem?.message ?? problem) })
    }
    return ''
  }

  async freshOffer() {
    if (this.peer.signalingState !== 'stable') await this.peer.setLocalDescription({ type: 'rollback' })
    const offer = await this.peer.createOffer({ iceRestart: true })
    await this.peer.setLocalDescription(offer)
    return this.peer.localDescription.sdp
  }

  /** No datagram comes through: somebody else may find another way. */
  blocked() {
    if (!this.closed && !this.reached) this.notify('blocked', this.candidates())
  }

  fail(code, message) {
    if (!this.closed) this.notify('failed', { code, message })
  }

  after(ms, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      if (!this.closed) act()
    }, ms)
    this.timers.add(timer)
  }
}
