// Evaluated in an opened page: lists what a reader could not read there. Text that is cut off or runs off the page, text upon text in a
// plot, letters that are too small, and colours that are too close (WCAG 2.2: 4.5 to 1).
;(() => {
  const faults = []
  const width = document.documentElement.clientWidth
  const textIn = (node) =>
    [...node.childNodes]
      .filter(({ nodeType }) => nodeType === Node.TEXT_NODE)
      .map(({ data }) => data.trim())
      .join(' ')
      .trim()
  const nameOf = (node) =>
    `${node.tagName.toLowerCase()}.${node.getAttribute('class') ?? ''} "${node.textContent.trim().slice(0, 40)}"`
  const isShown = (node) => node.getClientRects().length > 0 && getComputedStyle(node).visibility !== 'hidden'
  const shown = [...document.body.querySelectorAll('*')].filter(isShown)

  for (const node of shown) {
    const { left, right } = node.getBoundingClientRect()
    if (left < -1 || right > width + 1)
      faults.push(`runs off the page: ${nameOf(node)} (${Math.round(left)} to ${Math.round(right)})`)
    const clips = getComputedStyle(node).overflowX !== 'visible' && node.tagName !== 'SELECT' && !(node instanceof SVGElement)
    if (clips && node.scrollWidth > node.clientWidth + 1) faults.push(`is cut off: ${nameOf(node)}`)
  }

  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect()
    const texts = [...svg.querySelectorAll('text')].filter(({ textContent }) => textContent.trim() !== '')
    const boxes = texts.map((text) => ({ text, box: text.getBoundingClientRect() }))
    for (const { text, box } of boxes) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        faults.push(`leaves its plot: ${nameOf(text)}`)
      const size = (Number.parseFloat(getComputedStyle(text).fontSize) * frame.width) / svg.viewBox.baseVal.width
      if (size < 9) faults.push(`is only ${size.toFixed(1)} pixels high: ${nameOf(text)}`)
    }
    boxes.forEach(({ text, box }, index) => {
      for (const { text: other, box: otherBox } of boxes.slice(index + 1)) {
        const across = Math.min(box.right, otherBox.right) - Math.max(box.left, otherBox.left)
        const down = Math.min(box.bottom, otherBox.bottom) - Math.max(box.top, otherBox.top)
        if (across > 1 && down > 4) faults.push(`lies on ${nameOf(other)}: ${nameOf(text)}`)
      }
    })
  }

  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = (colour) => {
    const [red, green, blue] = rgba(colour)
      .slice(0, 3)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (light + 0.05) / (dark + 0.05)
  }
  const behind = (node) => {
    const { backgroundColor } = getComputedStyle(node)
    return rgba(backgroundColor)[3] === 255 ? backgroundColor : behind(node.parentElement)
  }
  for (const node of shown) {
    if (textIn(node) === '' || ['SCRIPT', 'STYLE', 'OPTION'].includes(node.tagName)) continue
    const { color, fill } = getComputedStyle(node)
    const ratio = contrast(node instanceof SVGElement ? fill : color, behind(node))
    if (ratio < 4.5) faults.push(`has a contrast of ${ratio.toFixed(2)}: ${nameOf(node)}`)
  }
  for (const bar of document.querySelectorAll('svg :is(g[aria-label="rect"], g[aria-label="dot"]) > *')) {
    const { fill, fillOpacity } = getComputedStyle(bar)
    const ratio = contrast(fill, behind(bar))
    if (fillOpacity === '1' && ratio < 3) faults.push(`has a contrast of ${ratio.toFixed(2)}: a mark ${fill}`)
  }
  return faults
})()
