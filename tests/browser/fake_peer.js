// In place of the browser's RTCPeerConnection: the page's own code runs against it; window.call says what the server says.
window.call = { sent: [], channels: {}, peer: null, stats: [] }
call.say = (message, label = 'oai-events') => call.channels[label].onmessage?.({ data: JSON.stringify(message) })
call.tell = (message) => call.say(message, 'mediaserver-events')
call.state = (state) => { call.peer.connectionState = state; call.peer.onconnectionstatechange?.() }
call.up = () => {
  call.state('connected')
  for (const channel of Object.values(call.channels)) { channel.readyState = 'open'; channel.onopen?.() }
}
call.ready = () => { call.up(); call.say({ type: 'session.created', session: { id: 'sess_1', model: 'local' } }) }
window.RTCPeerConnection = class {
  constructor() {
    Object.assign(this, { connectionState: 'new', iceConnectionState: 'new', signalingState: 'stable' })
    call.peer = this
  }
  addTrack() { return { replaceTrack: async () => {} } }
  addTransceiver() { return { sender: { replaceTrack: async () => {} } } }
  createDataChannel(label) {
    return (call.channels[label] = { label, readyState: 'connecting', send: (text) => call.sent.push(JSON.parse(text)) })
  }
  async createOffer() { return { type: 'offer', sdp: 'v=0\r\n' } }
  async setLocalDescription(description) { this.localDescription = description }
  async setRemoteDescription(description) { this.remoteDescription = description }
  async getStats() { return new Map(call.stats.map((one) => [one.id, one])) }
  close() { this.connectionState = 'closed' }
}
