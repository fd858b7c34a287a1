// data/examples/short-words.js
/** Minus the mean number of letters in a word of the reply, with the candidate at its end. */
export default (_text, _signal, { completion }) => {
  const words = completion.match(/\p{L}+/gu) ?? []
  return words.length === 0 ? 0 : -words.join('').length / words.length
}
