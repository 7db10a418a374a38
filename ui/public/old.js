/* Runs in every browser, also in those that cannot read the page's own script: if nothing has begun after
   a while, it says that the browser is too old. Written in the oldest form of the language on purpose, and
   with the words of `tooOld` in text/en.ts, which such a browser cannot read either. */
(function () {
  var WAIT_MS = 8000;
  var said = false;

  function say() {
    var place = document.getElementById('app');
    if (said || !place || place.childNodes.length > 0) return;
    said = true;
    var words = [
      ['h1', 'This browser is too old'],
      ['p', 'Conclave needs a newer one to open a meeting. Any of these will do: Chrome or Edge 94 or newer, Firefox 130 or newer, Safari 16.4 or newer.'],
    ];
    var box = document.createElement('main');
    box.setAttribute('class', 'old');
    for (var i = 0; i < words.length; i += 1) {
      var line = document.createElement(words[i][0]);
      line.appendChild(document.createTextNode(words[i][1]));
      box.appendChild(line);
    }
    place.appendChild(box);
  }

  /* A script that cannot be read is an error at once; one that is not even tried is told by time. */
  window.onerror = function (message) {
    if (String(message).indexOf('SyntaxError') >= 0) say();
  };
  if (!('noModule' in document.createElement('script'))) window.onload = say;
  else setTimeout(say, WAIT_MS);
})();
