/**
 * The only way elements are made here. Children become text nodes or elements, never HTML; there are no style attributes.
 * `on…` attributes are functions, `data` and `aria` are objects, `false`, `null` and `undefined` leave an attribute out.
 */
const SVG = new Set(['svg', 'g', 'rect', 'line', 'path', 'text', 'title', 'defs', 'pattern', 'circle', 'polyline'])

export function h(tag, attributes = {}, ...children) {
  const element = SVG.has(tag) && !attributes.html
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) set(element, name, value)
  element.append(...flat(children))
  return element
}

/** Put other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children))
  return element
}

/** Find an element of the page by its id. */
export function byId(id) {
  return document.getElementById(id)
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
}

function set(element, name, value) {
  if (value === false || value === null || value === undefined || name === 'html') return
  if (name === 'data' || name === 'aria') return setAll(element, name, value)
  if (name.startsWith('on')) return element.addEventListener(name.slice(2), value)
  element.setAttribute(name === 'cls' ? 'class' : name, value === true ? '' : String(value))
}

function setAll(element, prefix, values) {
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) element.setAttribute(`${prefix}-${name}`, String(value))
  }
}
