/** The HTTP side of a call: offer for answer, again for a re-offer, and the hang-up. */
export class Refusal extends Error {
  /** A refusal in the contract's own shape; `retryAfter` in seconds where the server named one. */
  constructor(status, code, message, retryAfter) {
    super(message)
    Object.assign(this, { status, code, retryAfter })
  }
}

/** Post the first offer; returns the answer and where the call lives. Raises Refusal, or TypeError without a network. */
export async function offer(model, key, sdp, signal) {
  const answer = await post(`/v1/realtime/calls?model=${encodeURIComponent(model)}`, key, sdp, signal)
  return { sdp: await answer.text(), location: answer.headers.get('Location') }
}

/** Post a new offer for a call that lives (ICE restart); returns the answer. */
export async function reoffer(location, key, sdp, signal) {
  const answer = await post(location, key, sdp, signal)
  return answer.text()
}

/** End the call; a server that does not hear it will notice the silence. */
export async function hangUp(location, key) {
  const options = { method: 'POST', headers: authorised(key), keepalive: true }
  await fetch(`${location}/hangup`, options).catch(() => undefined)
}

async function post(url, key, sdp, signal) {
  const headers = { ...authorised(key), 'Content-Type': 'application/sdp' }
  const answer = await fetch(url, { method: 'POST', headers, body: sdp, signal })
  if (!answer.ok) throw await refusal(answer)
  return answer
}

function authorised(key) {
  return key ? { Authorization: `Bearer ${key}` } : {}
}

async function refusal(answer) {
  const body = await answer.json().catch(() => ({}))
  const error = body?.error ?? {}
  const after = Number.parseInt(answer.headers.get('Retry-After') ?? '', 10)
  return new Refusal(answer.status, error.code ?? '', error.message ?? answer.statusText, Number.isFinite(after) ? after : null)
}
