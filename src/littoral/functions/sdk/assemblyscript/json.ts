// JSON: a value as a tree, and texts as they are written. What is read comes from the host and is well formed.

export class Json {
  text: string = "";
  number: f64 = NaN;
  items: Json[] = [];
  keys: string[] = []; // of an object, one for each item

  // The value of a key; one without text, number and items where there is none.
  get(key: string): Json {
    const at = this.keys.indexOf(key);
    return at < 0 ? new Json() : this.items[at];
  }
}

class Reader {
  at: i32 = 0;

  constructor(private text: string) {}

  // The next letter that is no space, comma or colon.
  peek(): i32 {
    while (this.at < this.text.length) {
      const letter = this.text.charCodeAt(this.at);
      if (letter > 0x20 && letter != 0x2c && letter != 0x3a) return letter;
      this.at++;
    }
    return 0;
  }

  value(): Json {
    const made = new Json();
    const first = this.peek();
    if (first == 0x22) {
      made.text = this.string();
    } else if (first == 0x5b || first == 0x7b) {
      this.at++;
      for (let next = this.peek(); next && next != 0x5d && next != 0x7d; next = this.peek()) {
        if (first == 0x7b) {
          made.keys.push(this.string());
        }
        made.items.push(this.value());
      }
      this.at++;
    } else {
      const start = this.at;
      while (this.at < this.text.length && !",]} \n".includes(this.text.charAt(this.at))) this.at++;
      const word = this.text.substring(start, this.at);
      made.number = word == "null" || word == "true" || word == "false" ? NaN : parseFloat(word);
    }
    return made;
  }

  string(): string {
    this.peek();
    const start = ++this.at;
    while (this.at < this.text.length && this.text.charCodeAt(this.at) != 0x22) {
      this.at += this.text.charCodeAt(this.at) == 0x5c ? 2 : 1;
    }
    const raw = this.text.substring(start, this.at++);
    return raw.includes("\\") ? unescaped(raw) : raw;
  }
}

function unescaped(raw: string): string {
  let made = "";
  for (let at = 0; at < raw.length; at++) {
    if (raw.charCodeAt(at) != 0x5c) {
      made += raw.charAt(at);
      continue;
    }
    const letter = raw.charAt(++at);
    if (letter == "u") {
      made += String.fromCharCode(<i32>parseInt(raw.substr(at + 1, 4), 16));
      at += 4;
    } else {
      const known = "nrtbf".indexOf(letter);
      made += known < 0 ? letter : "\n\r\t\b\f".charAt(known);
    }
  }
  return made;
}

export function parse(text: string): Json {
  return new Reader(text).value();
}

// A text as JSON has it, in quotes.
export function quoted(text: string): string {
  let made = '"';
  for (let at = 0; at < text.length; at++) {
    const letter = text.charCodeAt(at);
    if (letter == 0x22 || letter == 0x5c) {
      made += "\\" + text.charAt(at);
    } else if (letter < 0x20) {
      made += "\\u00" + (letter >> 4).toString(16) + (letter & 15).toString(16);
    } else {
      made += text.charAt(at);
    }
  }
  return made + '"';
}

// A number as JSON has it: null where it is not finite.
export function shown(number: f64): string {
  return isFinite(number) ? (Math.round(number * 1e6) / 1e6).toString() : "null";
}
