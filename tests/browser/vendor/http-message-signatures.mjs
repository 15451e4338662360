var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __esm = (fn, res, err) => function __init() {
  if (err) throw err[0];
  try {
    return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;
  } catch (e) {
    throw err = [e], e;
  }
};
var __commonJS = (cb, mod) => function __require() {
  try {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  } catch (e) {
    throw mod = 0, e;
  }
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));

// shim.js
var Buffer2;
var init_shim = __esm({
  "shim.js"() {
    Buffer2 = { from: (value) => typeof value === "string" ? new TextEncoder().encode(value) : new Uint8Array(value) };
  }
});

// node_modules/structured-headers/cjs/index.cjs
var require_cjs = __commonJS({
  "node_modules/structured-headers/cjs/index.cjs"(exports, module) {
    "use strict";
    init_shim();
    var __defProp2 = Object.defineProperty;
    var __getOwnPropDesc2 = Object.getOwnPropertyDescriptor;
    var __getOwnPropNames2 = Object.getOwnPropertyNames;
    var __hasOwnProp2 = Object.prototype.hasOwnProperty;
    var __export = (target, all) => {
      for (var name in all)
        __defProp2(target, name, { get: all[name], enumerable: true });
    };
    var __copyProps2 = (to, from, except, desc) => {
      if (from && typeof from === "object" || typeof from === "function") {
        for (let key of __getOwnPropNames2(from))
          if (!__hasOwnProp2.call(to, key) && key !== except)
            __defProp2(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc2(from, key)) || desc.enumerable });
      }
      return to;
    };
    var __toCommonJS = (mod) => __copyProps2(__defProp2({}, "__esModule", { value: true }), mod);
    var index_exports = {};
    __export(index_exports, {
      DisplayString: () => DisplayString,
      ParseError: () => ParseError,
      SerializeError: () => SerializeError,
      Token: () => Token,
      arrayBufferToBase64: () => arrayBufferToBase64,
      base64ToArrayBuffer: () => base64ToArrayBuffer,
      isAscii: () => isAscii,
      isInnerList: () => isInnerList,
      isValidKeyStr: () => isValidKeyStr,
      isValidTokenStr: () => isValidTokenStr,
      parseDictionary: () => parseDictionary,
      parseItem: () => parseItem,
      parseList: () => parseList,
      serializeBareItem: () => serializeBareItem,
      serializeBoolean: () => serializeBoolean,
      serializeByteSequence: () => serializeByteSequence,
      serializeDate: () => serializeDate,
      serializeDecimal: () => serializeDecimal,
      serializeDictionary: () => serializeDictionary,
      serializeDisplayString: () => serializeDisplayString,
      serializeInnerList: () => serializeInnerList,
      serializeInteger: () => serializeInteger,
      serializeItem: () => serializeItem,
      serializeKey: () => serializeKey,
      serializeList: () => serializeList,
      serializeParameters: () => serializeParameters,
      serializeString: () => serializeString,
      serializeToken: () => serializeToken
    });
    module.exports = __toCommonJS(index_exports);
    var asciiRe = /^[\x20-\x7E]*$/;
    var tokenRe = /^[a-zA-Z*][:/!#$%&'*+\-.^_`|~A-Za-z0-9]*$/;
    var keyRe = /^[a-z*][*\-_.a-z0-9]*$/;
    function isAscii(str) {
      return asciiRe.test(str);
    }
    function isValidTokenStr(str) {
      return tokenRe.test(str);
    }
    function isValidKeyStr(str) {
      return keyRe.test(str);
    }
    function isInnerList(input) {
      return Array.isArray(input[0]);
    }
    function arrayBufferToBase64(input) {
      const bytes = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
      let binary = "";
      for (const byte of bytes) {
        binary += String.fromCharCode(byte);
      }
      return btoa(binary);
    }
    function base64ToArrayBuffer(b64) {
      const binaryString = atob(b64);
      const len = binaryString.length;
      const bytes = new Uint8Array(len);
      for (let i = 0; i < len; i++) {
        bytes[i] = binaryString.charCodeAt(i);
      }
      return bytes.buffer;
    }
    var Token = class {
      constructor(value) {
        if (!isValidTokenStr(value)) {
          throw new TypeError("Invalid character in Token string. Tokens must start with *, A-Z and the rest of the string may only contain a-z, A-Z, 0-9, :/!#$%&'*+-.^_`|~");
        }
        this.value = value;
      }
      toString() {
        return this.value;
      }
    };
    var DisplayString = class {
      constructor(value) {
        this.value = value;
      }
      toString() {
        return this.value;
      }
    };
    var SerializeError = class extends Error {
    };
    function serializeList(input) {
      return input.map((value) => {
        if (isInnerList(value)) {
          return serializeInnerList(value);
        } else {
          return serializeItem(value);
        }
      }).join(", ");
    }
    function serializeDictionary(input) {
      const entries = input instanceof Map ? input.entries() : Object.entries(input);
      return Array.from(entries).map(([key, entry]) => {
        const keyStr = serializeKey(key);
        if (Array.isArray(entry)) {
          if (entry[0] === true) {
            return keyStr + serializeParameters(entry[1]);
          } else {
            if (isInnerList(entry)) {
              return keyStr + "=" + serializeInnerList(entry);
            } else {
              return keyStr + "=" + serializeItem(entry);
            }
          }
        } else {
          if (entry === true) {
            return keyStr;
          } else {
            return keyStr + "=" + serializeBareItem(entry);
          }
        }
      }).join(", ");
    }
    function serializeItem(input, params) {
      if (Array.isArray(input)) {
        return serializeBareItem(input[0]) + serializeParameters(input[1]);
      } else {
        return serializeBareItem(input) + (params ? serializeParameters(params) : "");
      }
    }
    function serializeInnerList(input) {
      return `(${input[0].map((value) => serializeItem(value)).join(" ")})${serializeParameters(input[1])}`;
    }
    function serializeBareItem(input) {
      if (typeof input === "number") {
        if (Number.isInteger(input)) {
          return serializeInteger(input);
        }
        return serializeDecimal(input);
      }
      if (typeof input === "string") {
        return serializeString(input);
      }
      if (input instanceof Token) {
        return serializeToken(input);
      }
      if (input instanceof ArrayBuffer || ArrayBuffer.isView(input)) {
        return serializeByteSequence(input);
      }
      if (input instanceof DisplayString) {
        return serializeDisplayString(input);
      }
      if (input instanceof Date) {
        return serializeDate(input);
      }
      if (typeof input === "boolean") {
        return serializeBoolean(input);
      }
      throw new SerializeError(`Cannot serialize values of type ${typeof input}`);
    }
    function serializeInteger(input) {
      if (input < -999999999999999 || input > 999999999999999) {
        throw new SerializeError("Structured headers can only encode integers in the range range of -999,999,999,999,999 to 999,999,999,999,999 inclusive");
      }
      return input.toString();
    }
    function serializeDecimal(input) {
      const out = input.toFixed(3).replace(/0+$/, "");
      const signifantDigits = out.split(".")[0].replace("-", "").length;
      if (signifantDigits > 12) {
        throw new SerializeError("Fractional numbers are not allowed to have more than 12 significant digits before the decimal point");
      }
      return out;
    }
    function serializeString(input) {
      if (!isAscii(input)) {
        throw new SerializeError("Only ASCII strings may be serialized");
      }
      return `"${input.replace(/("|\\)/g, (v) => "\\" + v)}"`;
    }
    function serializeDisplayString(input) {
      let out = '%"';
      const textEncoder = new TextEncoder();
      for (const char of textEncoder.encode(input.toString())) {
        if (char === 37 || char === 34 || char <= 31 || char >= 127) {
          out += "%" + char.toString(16);
        } else {
          out += String.fromCharCode(char);
        }
      }
      return out + '"';
    }
    function serializeBoolean(input) {
      return input ? "?1" : "?0";
    }
    function serializeByteSequence(input) {
      return `:${arrayBufferToBase64(input)}:`;
    }
    function serializeToken(input) {
      return input.toString();
    }
    function serializeDate(input) {
      return "@" + Math.floor(input.getTime() / 1e3);
    }
    function serializeParameters(input) {
      return Array.from(input).map(([key, value]) => {
        let out = ";" + serializeKey(key);
        if (value !== true) {
          out += "=" + serializeBareItem(value);
        }
        return out;
      }).join("");
    }
    function serializeKey(input) {
      if (!isValidKeyStr(input)) {
        throw new SerializeError("Keys in dictionaries must only contain lowercase letter, numbers, _-*. and must start with a letter or *");
      }
      return input;
    }
    function parseDictionary(input) {
      const parser = new Parser(input);
      return parser.parseDictionary();
    }
    function parseList(input) {
      const parser = new Parser(input);
      return parser.parseList();
    }
    function parseItem(input) {
      const parser = new Parser(input);
      return parser.parseItem();
    }
    var ParseError = class extends Error {
      constructor(position, message) {
        super(`Parse error: ${message} at offset ${position}`);
      }
    };
    var Parser = class {
      constructor(input) {
        this.input = input;
        this.pos = 0;
      }
      parseDictionary() {
        this.skipWS();
        const dictionary = /* @__PURE__ */ new Map();
        while (!this.eof()) {
          const thisKey = this.parseKey();
          let member;
          if (this.lookChar() === "=") {
            this.pos++;
            member = this.parseItemOrInnerList();
          } else {
            member = [true, this.parseParameters()];
          }
          dictionary.set(thisKey, member);
          this.skipOWS();
          if (this.eof()) {
            return dictionary;
          }
          this.expectChar(",");
          this.pos++;
          this.skipOWS();
          if (this.eof()) {
            throw new ParseError(this.pos, "Dictionary contained a trailing comma");
          }
        }
        return dictionary;
      }
      parseList() {
        this.skipWS();
        const members = [];
        while (!this.eof()) {
          members.push(
            this.parseItemOrInnerList()
          );
          this.skipOWS();
          if (this.eof()) {
            return members;
          }
          this.expectChar(",");
          this.pos++;
          this.skipOWS();
          if (this.eof()) {
            throw new ParseError(this.pos, "A list may not end with a trailing comma");
          }
        }
        return members;
      }
      parseItem(standaloneItem = true) {
        if (standaloneItem) this.skipWS();
        const result = [
          this.parseBareItem(),
          this.parseParameters()
        ];
        if (standaloneItem) this.checkTrail();
        return result;
      }
      parseItemOrInnerList() {
        if (this.lookChar() === "(") {
          return this.parseInnerList();
        } else {
          return this.parseItem(false);
        }
      }
      parseInnerList() {
        this.expectChar("(");
        this.pos++;
        const innerList = [];
        while (!this.eof()) {
          this.skipWS();
          if (this.lookChar() === ")") {
            this.pos++;
            return [
              innerList,
              this.parseParameters()
            ];
          }
          innerList.push(this.parseItem(false));
          const nextChar = this.lookChar();
          if (nextChar !== " " && nextChar !== ")") {
            throw new ParseError(this.pos, "Expected a whitespace or ) after every item in an inner list");
          }
        }
        throw new ParseError(this.pos, "Could not find end of inner list");
      }
      parseBareItem() {
        const char = this.lookChar();
        if (char === void 0) {
          throw new ParseError(this.pos, "Unexpected end of string");
        }
        if (char.match(/^[-0-9]/)) {
          return this.parseIntegerOrDecimal();
        }
        if (char === '"') {
          return this.parseString();
        }
        if (char.match(/^[A-Za-z*]/)) {
          return this.parseToken();
        }
        if (char === ":") {
          return this.parseByteSequence();
        }
        if (char === "?") {
          return this.parseBoolean();
        }
        if (char === "@") {
          return this.parseDate();
        }
        if (char === "%") {
          return this.parseDisplayString();
        }
        throw new ParseError(this.pos, "Unexpected input");
      }
      parseParameters() {
        const parameters = /* @__PURE__ */ new Map();
        while (!this.eof()) {
          const char = this.lookChar();
          if (char !== ";") {
            break;
          }
          this.pos++;
          this.skipWS();
          const key = this.parseKey();
          let value = true;
          if (this.lookChar() === "=") {
            this.pos++;
            value = this.parseBareItem();
          }
          parameters.set(key, value);
        }
        return parameters;
      }
      parseIntegerOrDecimal() {
        let type = "integer";
        let sign = 1;
        let inputNumber = "";
        if (this.lookChar() === "-") {
          sign = -1;
          this.pos++;
        }
        if (!isDigit(this.lookChar())) {
          throw new ParseError(this.pos, "Expected a digit (0-9)");
        }
        while (!this.eof()) {
          const char = this.getChar();
          if (isDigit(char)) {
            inputNumber += char;
          } else if (type === "integer" && char === ".") {
            if (inputNumber.length > 12) {
              throw new ParseError(this.pos, "Exceeded maximum decimal length");
            }
            inputNumber += ".";
            type = "decimal";
          } else {
            this.pos--;
            break;
          }
          if (type === "integer" && inputNumber.length > 15) {
            throw new ParseError(this.pos, "Exceeded maximum integer length");
          }
          if (type === "decimal" && inputNumber.length > 16) {
            throw new ParseError(this.pos, "Exceeded maximum decimal length");
          }
        }
        if (type === "integer") {
          return parseInt(inputNumber, 10) * sign;
        } else {
          if (inputNumber.endsWith(".")) {
            throw new ParseError(this.pos, "Decimal cannot end on a period");
          }
          if (inputNumber.split(".")[1].length > 3) {
            throw new ParseError(this.pos, "Number of digits after the decimal point cannot exceed 3");
          }
          return parseFloat(inputNumber) * sign;
        }
      }
      parseString() {
        let outputString = "";
        this.expectChar('"');
        this.pos++;
        while (!this.eof()) {
          const char = this.getChar();
          if (char === "\\") {
            if (this.eof()) {
              throw new ParseError(this.pos, "Unexpected end of input");
            }
            const nextChar = this.getChar();
            if (nextChar !== "\\" && nextChar !== '"') {
              throw new ParseError(this.pos, "A backslash must be followed by another backslash or double quote");
            }
            outputString += nextChar;
          } else if (char === '"') {
            return outputString;
          } else if (!isAscii(char)) {
            throw new ParseError(this.pos, "Strings must be in the ASCII range");
          } else {
            outputString += char;
          }
        }
        throw new ParseError(this.pos, "Unexpected end of input");
      }
      parseDisplayString() {
        const chars = this.getChars(2);
        if (chars !== '%"') {
          throw new ParseError(this.pos, "Unexpected character. Display strings should start with %=");
        }
        const result = [];
        while (!this.eof()) {
          const char = this.getChar();
          if (char.charCodeAt(0) <= 31 || char.charCodeAt(0) >= 127 && char.charCodeAt(0) <= 255) {
            throw new ParseError(this.pos, "Invalid char found in DisplayString. Did you forget to escape?");
          }
          if (char === "%") {
            const hexChars = this.getChars(2);
            if (/^[0-9a-f]{2}$/.test(hexChars)) {
              result.push(parseInt(hexChars, 16));
            } else {
              throw new ParseError(this.pos, `Unexpected sequence after % in DispalyString: "${hexChars}". Note that hexidecimals must be lowercase`);
            }
            continue;
          }
          if (char === '"') {
            const textDecoder = new TextDecoder("utf-8", {
              fatal: true
            });
            try {
              return new DisplayString(
                textDecoder.decode(new Uint8Array(result))
              );
            } catch {
              throw new ParseError(this.pos, "Fatal error decoding UTF-8 sequence in Display String");
            }
          }
          result.push(char.charCodeAt(0));
        }
        throw new ParseError(this.pos, "Unexpected end of input");
      }
      parseToken() {
        let outputString = "";
        while (!this.eof()) {
          const char = this.lookChar();
          if (char === void 0 || !/^[:/!#$%&'*+\-.^_`|~A-Za-z0-9]$/.test(char)) {
            return new Token(outputString);
          }
          outputString += this.getChar();
        }
        return new Token(outputString);
      }
      parseByteSequence() {
        this.expectChar(":");
        this.pos++;
        const endPos = this.input.indexOf(":", this.pos);
        if (endPos === -1) {
          throw new ParseError(this.pos, 'Could not find a closing ":" character to mark end of Byte Sequence');
        }
        const b64Content = this.input.substring(this.pos, endPos);
        this.pos += b64Content.length + 1;
        if (!/^[A-Za-z0-9+/=]*$/.test(b64Content)) {
          throw new ParseError(this.pos, "ByteSequence does not contain a valid base64 string");
        }
        try {
          return base64ToArrayBuffer(b64Content);
        } catch {
          throw new ParseError(this.pos, "ByteSequence does not contain a valid base64 string");
        }
      }
      parseBoolean() {
        this.expectChar("?");
        this.pos++;
        const char = this.getChar();
        if (char === "1") {
          return true;
        }
        if (char === "0") {
          return false;
        }
        throw new ParseError(this.pos, 'Unexpected character. Expected a "1" or a "0"');
      }
      parseDate() {
        this.expectChar("@");
        this.pos++;
        let sign = 1;
        let inputNumber = "";
        if (this.lookChar() === "-") {
          sign = -1;
          this.pos++;
        }
        if (!isDigit(this.lookChar())) {
          throw new ParseError(this.pos, "Expected a digit (0-9)");
        }
        while (!this.eof()) {
          const char = this.getChar();
          if (isDigit(char)) {
            inputNumber += char;
          } else {
            throw new ParseError(this.pos, "Expected a digit (0-9), whitespace or EOL");
          }
        }
        if (inputNumber.length > 15) {
          throw new ParseError(this.pos, "Exceeded max length for a date value");
        }
        return new Date(parseInt(inputNumber, 10) * sign * 1e3);
      }
      parseKey() {
        if (!this.lookChar()?.match(/^[a-z*]/)) {
          throw new ParseError(this.pos, "A key must begin with an asterisk or letter (a-z)");
        }
        let outputString = "";
        while (!this.eof()) {
          const char = this.lookChar();
          if (char === void 0 || !/^[a-z0-9_\-.*]$/.test(char)) {
            return outputString;
          }
          outputString += this.getChar();
        }
        return outputString;
      }
      /**
       * Looks at the next character without advancing the cursor.
       *
       * Returns undefined if we were at the end of the string.
       */
      lookChar() {
        return this.input[this.pos];
      }
      /**
       * Checks if the next character is 'char', and fail otherwise.
       */
      expectChar(char) {
        if (this.lookChar() !== char) {
          throw new ParseError(this.pos, `Expected ${char}`);
        }
      }
      getChar() {
        return this.input[this.pos++];
      }
      getChars(count) {
        const result = this.input.substr(
          this.pos,
          count
        );
        this.pos += count;
        return result;
      }
      eof() {
        return this.pos >= this.input.length;
      }
      // Advances the pointer to skip all whitespace.
      skipOWS() {
        while (true) {
          const c = this.input.substr(this.pos, 1);
          if (c === " " || c === "	") {
            this.pos++;
          } else {
            break;
          }
        }
      }
      // Advances the pointer to skip all spaces
      skipWS() {
        while (this.lookChar() === " ") {
          this.pos++;
        }
      }
      // At the end of parsing, we need to make sure there are no bytes after the
      // header except whitespace.
      checkTrail() {
        this.skipWS();
        if (!this.eof()) {
          throw new ParseError(this.pos, "Unexpected characters at end of input");
        }
      }
    };
    var isDigitRegex = /^[0-9]$/;
    function isDigit(char) {
      if (char === void 0) return false;
      return isDigitRegex.test(char);
    }
  }
});

// node_modules/http-message-signatures/lib/structured-header.js
var require_structured_header = __commonJS({
  "node_modules/http-message-signatures/lib/structured-header.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.Item = exports.List = exports.Dictionary = void 0;
    exports.parseHeader = parseHeader;
    exports.quoteString = quoteString;
    var structured_headers_1 = require_cjs();
    var Dictionary = class {
      constructor(input) {
        this.raw = input;
        this.parsed = (0, structured_headers_1.parseDictionary)(input);
      }
      toString() {
        return this.serialize();
      }
      serialize() {
        return (0, structured_headers_1.serializeDictionary)(this.parsed);
      }
      has(key) {
        return this.parsed.has(key);
      }
      get(key) {
        const value = this.parsed.get(key);
        if (!value) {
          return value;
        }
        if ((0, structured_headers_1.isInnerList)(value)) {
          return (0, structured_headers_1.serializeInnerList)(value);
        }
        return (0, structured_headers_1.serializeItem)(value);
      }
    };
    exports.Dictionary = Dictionary;
    var List = class {
      constructor(input) {
        this.raw = input;
        this.parsed = (0, structured_headers_1.parseList)(input);
      }
      toString() {
        return this.serialize();
      }
      serialize() {
        return (0, structured_headers_1.serializeList)(this.parsed);
      }
    };
    exports.List = List;
    var Item = class {
      constructor(input) {
        this.raw = input;
        this.parsed = (0, structured_headers_1.parseItem)(input);
      }
      toString() {
        return this.serialize();
      }
      serialize() {
        return (0, structured_headers_1.serializeItem)(this.parsed);
      }
    };
    exports.Item = Item;
    function parseHeader(header) {
      const classes = [List, Dictionary, Item];
      for (let i = 0; i < classes.length; i++) {
        try {
          return new classes[i](header);
        } catch (e) {
        }
      }
      throw new Error("Unable to parse header as structured field");
    }
    function quoteString(input) {
      if (!input.startsWith('"')) {
        const [name, ...rest] = input.split(";");
        if (!rest.length) {
          return `"${name}"`;
        }
        return `"${name}";${rest.join(";")}`;
      }
      return input;
    }
  }
});

// node_modules/http-message-signatures/lib/types/index.js
var require_types = __commonJS({
  "node_modules/http-message-signatures/lib/types/index.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.defaultParams = void 0;
    exports.isRequest = isRequest;
    exports.defaultParams = [
      "keyid",
      "alg",
      "created",
      "expires"
    ];
    function isRequest(obj) {
      return !!obj.method;
    }
  }
});

// node_modules/http-message-signatures/lib/errors/verification-error.js
var require_verification_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/verification-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.VerificationError = void 0;
    var VerificationError = class extends Error {
    };
    exports.VerificationError = VerificationError;
  }
});

// node_modules/http-message-signatures/lib/errors/expired-error.js
var require_expired_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/expired-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.ExpiredError = void 0;
    var verification_error_1 = require_verification_error();
    var ExpiredError = class extends verification_error_1.VerificationError {
    };
    exports.ExpiredError = ExpiredError;
  }
});

// node_modules/http-message-signatures/lib/errors/malformed-signature-error.js
var require_malformed_signature_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/malformed-signature-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.MalformedSignatureError = void 0;
    var verification_error_1 = require_verification_error();
    var MalformedSignatureError = class extends verification_error_1.VerificationError {
    };
    exports.MalformedSignatureError = MalformedSignatureError;
  }
});

// node_modules/http-message-signatures/lib/errors/unacceptable-signature-error.js
var require_unacceptable_signature_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/unacceptable-signature-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.UnacceptableSignatureError = void 0;
    var verification_error_1 = require_verification_error();
    var UnacceptableSignatureError = class extends verification_error_1.VerificationError {
    };
    exports.UnacceptableSignatureError = UnacceptableSignatureError;
  }
});

// node_modules/http-message-signatures/lib/errors/unknown-algorithm-error.js
var require_unknown_algorithm_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/unknown-algorithm-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.UnknownAlgorithmError = void 0;
    var UnknownAlgorithmError = class extends Error {
    };
    exports.UnknownAlgorithmError = UnknownAlgorithmError;
  }
});

// node_modules/http-message-signatures/lib/errors/unknown-key-error.js
var require_unknown_key_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/unknown-key-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.UnknownKeyError = void 0;
    var verification_error_1 = require_verification_error();
    var UnknownKeyError = class extends verification_error_1.VerificationError {
    };
    exports.UnknownKeyError = UnknownKeyError;
  }
});

// node_modules/http-message-signatures/lib/errors/unsupported-algorithm-error.js
var require_unsupported_algorithm_error = __commonJS({
  "node_modules/http-message-signatures/lib/errors/unsupported-algorithm-error.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.UnsupportedAlgorithmError = void 0;
    var verification_error_1 = require_verification_error();
    var UnsupportedAlgorithmError = class extends verification_error_1.VerificationError {
    };
    exports.UnsupportedAlgorithmError = UnsupportedAlgorithmError;
  }
});

// node_modules/http-message-signatures/lib/errors/index.js
var require_errors = __commonJS({
  "node_modules/http-message-signatures/lib/errors/index.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.VerificationError = exports.UnsupportedAlgorithmError = exports.UnknownKeyError = exports.UnknownAlgorithmError = exports.UnacceptableSignatureError = exports.MalformedSignatureError = exports.ExpiredError = void 0;
    var expired_error_1 = require_expired_error();
    Object.defineProperty(exports, "ExpiredError", { enumerable: true, get: function() {
      return expired_error_1.ExpiredError;
    } });
    var malformed_signature_error_1 = require_malformed_signature_error();
    Object.defineProperty(exports, "MalformedSignatureError", { enumerable: true, get: function() {
      return malformed_signature_error_1.MalformedSignatureError;
    } });
    var unacceptable_signature_error_1 = require_unacceptable_signature_error();
    Object.defineProperty(exports, "UnacceptableSignatureError", { enumerable: true, get: function() {
      return unacceptable_signature_error_1.UnacceptableSignatureError;
    } });
    var unknown_algorithm_error_1 = require_unknown_algorithm_error();
    Object.defineProperty(exports, "UnknownAlgorithmError", { enumerable: true, get: function() {
      return unknown_algorithm_error_1.UnknownAlgorithmError;
    } });
    var unknown_key_error_1 = require_unknown_key_error();
    Object.defineProperty(exports, "UnknownKeyError", { enumerable: true, get: function() {
      return unknown_key_error_1.UnknownKeyError;
    } });
    var unsupported_algorithm_error_1 = require_unsupported_algorithm_error();
    Object.defineProperty(exports, "UnsupportedAlgorithmError", { enumerable: true, get: function() {
      return unsupported_algorithm_error_1.UnsupportedAlgorithmError;
    } });
    var verification_error_1 = require_verification_error();
    Object.defineProperty(exports, "VerificationError", { enumerable: true, get: function() {
      return verification_error_1.VerificationError;
    } });
  }
});

// node_modules/http-message-signatures/lib/httpbis/index.js
var require_httpbis = __commonJS({
  "node_modules/http-message-signatures/lib/httpbis/index.js"(exports) {
    "use strict";
    init_shim();
    Object.defineProperty(exports, "__esModule", { value: true });
    exports.deriveComponent = deriveComponent;
    exports.extractHeader = extractHeader;
    exports.createSignatureBase = createSignatureBase;
    exports.formatSignatureBase = formatSignatureBase;
    exports.createSigningParameters = createSigningParameters;
    exports.augmentHeaders = augmentHeaders;
    exports.signMessage = signMessage2;
    exports.verifyMessage = verifyMessage2;
    var structured_headers_1 = require_cjs();
    var structured_header_1 = require_structured_header();
    var types_1 = require_types();
    var errors_1 = require_errors();
    function deriveComponent(component, params, message, req) {
      const context = params.has("req") ? req : message;
      if (!context) {
        throw new Error("Missing request in request-response bound component");
      }
      switch (component) {
        case "@method":
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @method from response");
          }
          return [context.method.toUpperCase()];
        case "@target-uri": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @target-uri on response");
          }
          return [context.url.toString()];
        }
        case "@authority": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @authority on response");
          }
          const { port, protocol, hostname } = typeof context.url === "string" ? new URL(context.url) : context.url;
          let authority = hostname.toLowerCase();
          if (port && (protocol === "http:" && port !== "80" || protocol === "https:" && port !== "443")) {
            authority += `:${port}`;
          }
          return [authority];
        }
        case "@scheme": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @scheme on response");
          }
          const { protocol } = typeof context.url === "string" ? new URL(context.url) : context.url;
          return [protocol.slice(0, -1)];
        }
        case "@request-target": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @request-target on response");
          }
          const { pathname, search } = typeof context.url === "string" ? new URL(context.url) : context.url;
          return [`${pathname}${search}`];
        }
        case "@path": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @scheme on response");
          }
          const { pathname } = typeof context.url === "string" ? new URL(context.url) : context.url;
          return [pathname || "/"];
        }
        case "@query": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @scheme on response");
          }
          const { search } = typeof context.url === "string" ? new URL(context.url) : context.url;
          return [search || "?"];
        }
        case "@query-param": {
          if (!(0, types_1.isRequest)(context)) {
            throw new Error("Cannot derive @scheme on response");
          }
          const { searchParams } = typeof context.url === "string" ? new URL(context.url) : context.url;
          if (!params.has("name")) {
            throw new Error("@query-param must have a named parameter");
          }
          const name = decodeURIComponent(params.get("name").toString());
          if (!searchParams.has(name)) {
            throw new Error(`Expected query parameter "${name}" not found`);
          }
          return searchParams.getAll(name).map((value) => encodeURIComponent(value));
        }
        case "@status": {
          if ((0, types_1.isRequest)(context)) {
            throw new Error("Cannot obtain @status component for requests");
          }
          return [context.status.toString()];
        }
        default:
          throw new Error(`Unsupported component "${component}"`);
      }
    }
    function extractHeader(header, params, { headers }, req) {
      const context = params.has("req") ? req?.headers : headers;
      if (!context) {
        throw new Error("Missing request in request-response bound component");
      }
      const headerTuple = Object.entries(context).find(([name]) => name.toLowerCase() === header);
      if (!headerTuple) {
        throw new Error(`No header "${header}" found in headers`);
      }
      const values = Array.isArray(headerTuple[1]) ? headerTuple[1] : [headerTuple[1]];
      if (params.has("bs") && (params.has("sf") || params.has("key"))) {
        throw new Error("Cannot have both `bs` and (implicit) `sf` parameters");
      }
      if (params.has("sf") || params.has("key")) {
        const value = values.join(", ");
        const parsed = (0, structured_header_1.parseHeader)(value);
        if (params.has("key") && !(parsed instanceof structured_header_1.Dictionary)) {
          throw new Error("Unable to parse header as dictionary");
        }
        if (params.has("key")) {
          const key = params.get("key").toString();
          if (!parsed.has(key)) {
            throw new Error(`Unable to find key "${key}" in structured field`);
          }
          return [parsed.get(key)];
        }
        return [parsed.toString()];
      }
      if (params.has("bs")) {
        return [values.map((val) => {
          const encoded = Buffer2.from(val.trim().replace(/\n\s*/gm, " "));
          return `:${encoded.toString("base64")}:`;
        }).join(", ")];
      }
      return [values.map((val) => val.trim().replace(/\n\s*/gm, " ")).join(", ")];
    }
    function normaliseParams(params) {
      const map = /* @__PURE__ */ new Map();
      params.forEach((value, key) => {
        if (value instanceof ArrayBuffer) {
          map.set(key, (0, structured_headers_1.arrayBufferToBase64)(value));
        } else if (value instanceof structured_headers_1.Token) {
          map.set(key, value.toString());
        } else if (value instanceof Date) {
          map.set(key, Math.floor(value.getTime() / 1e3));
        } else if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") {
          map.set(key, value);
        } else {
          map.set(key, value.toString());
        }
      });
      return map;
    }
    function createSignatureBase(config, res, req) {
      return config.fields.reduce((base, fieldName) => {
        const [field, params] = (0, structured_headers_1.parseItem)((0, structured_header_1.quoteString)(fieldName));
        const fieldParams = normaliseParams(params);
        const lcFieldName = field.toLowerCase();
        if (lcFieldName !== "@signature-params") {
          let value = null;
          if (config.componentParser) {
            value = config.componentParser(lcFieldName, fieldParams, res, req) ?? null;
          }
          if (value === null) {
            value = field.startsWith("@") ? deriveComponent(lcFieldName, fieldParams, res, req) : extractHeader(lcFieldName, fieldParams, res, req);
          }
          base.push([(0, structured_headers_1.serializeItem)([field, params]), value]);
        }
        return base;
      }, []);
    }
    function formatSignatureBase(base) {
      return base.map(([key, value]) => {
        const quotedKey = (0, structured_headers_1.serializeItem)((0, structured_headers_1.parseItem)((0, structured_header_1.quoteString)(key)));
        return value.map((val) => `${quotedKey}: ${val}`).join("\n");
      }).join("\n");
    }
    function createSigningParameters(config) {
      const now = /* @__PURE__ */ new Date();
      return (config.params ?? types_1.defaultParams).reduce((params, paramName) => {
        let value = "";
        switch (paramName.toLowerCase()) {
          case "created":
            if (config.paramValues?.created !== null) {
              const created = config.paramValues?.created ?? now;
              value = Math.floor(created.getTime() / 1e3);
            }
            break;
          case "expires":
            if (config.paramValues?.expires || config.paramValues?.created !== null) {
              const expires = config.paramValues?.expires ?? new Date((config.paramValues?.created ?? now).getTime() + 3e5);
              value = Math.floor(expires.getTime() / 1e3);
            }
            break;
          case "keyid": {
            const kid = config.paramValues?.keyid ?? config.key.id ?? null;
            if (kid) {
              value = kid.toString();
            }
            break;
          }
          case "alg": {
            const alg = config.paramValues?.alg ?? config.key.alg ?? null;
            if (alg) {
              value = alg.toString();
            }
            break;
          }
          default:
            if (config.paramValues?.[paramName] instanceof Date) {
              value = Math.floor(config.paramValues[paramName].getTime() / 1e3);
            } else if (config.paramValues?.[paramName]) {
              value = config.paramValues[paramName];
            }
        }
        if (value) {
          params.set(paramName, value);
        }
        return params;
      }, /* @__PURE__ */ new Map());
    }
    function augmentHeaders(headers, signature, signatureInput, name) {
      let signatureHeaderName = "Signature";
      let signatureInputHeaderName = "Signature-Input";
      let signatureHeader = /* @__PURE__ */ new Map();
      let inputHeader = /* @__PURE__ */ new Map();
      for (const header in headers) {
        switch (header.toLowerCase()) {
          case "signature": {
            signatureHeaderName = header;
            signatureHeader = (0, structured_headers_1.parseDictionary)(Array.isArray(headers[header]) ? headers[header].join(", ") : headers[header]);
            break;
          }
          case "signature-input":
            signatureInputHeaderName = header;
            inputHeader = (0, structured_headers_1.parseDictionary)(Array.isArray(headers[header]) ? headers[header].join(", ") : headers[header]);
            break;
        }
      }
      let signatureName = name ?? "sig";
      if (signatureHeader.has(signatureName) || inputHeader.has(signatureName)) {
        let count = 0;
        while (signatureHeader.has(`${signatureName}${count}`) || inputHeader.has(`${signatureName}${count}`)) {
          count++;
        }
        signatureName += count.toString();
      }
      signatureHeader.set(signatureName, [signature.buffer.slice(signature.byteOffset, signature.byteOffset + signature.byteLength), /* @__PURE__ */ new Map()]);
      inputHeader.set(signatureName, (0, structured_headers_1.parseList)(signatureInput)[0]);
      return {
        ...headers,
        [signatureHeaderName]: (0, structured_headers_1.serializeDictionary)(signatureHeader),
        [signatureInputHeaderName]: (0, structured_headers_1.serializeDictionary)(inputHeader)
      };
    }
    async function signMessage2(config, message, req) {
      const signingParameters = createSigningParameters(config);
      const signatureBase = createSignatureBase({
        fields: config.fields ?? [],
        componentParser: config.componentParser
      }, message, req);
      const signatureInput = (0, structured_headers_1.serializeList)([
        [
          signatureBase.map(([item]) => (0, structured_headers_1.parseItem)(item)),
          signingParameters
        ]
      ]);
      signatureBase.push(['"@signature-params"', [signatureInput]]);
      const base = formatSignatureBase(signatureBase);
      const signature = await config.key.sign(Buffer2.from(base));
      return {
        ...message,
        headers: augmentHeaders({ ...message.headers }, signature, signatureInput, config.name)
      };
    }
    async function verifyMessage2(config, message, req) {
      const { signatures, signatureInputs } = Object.entries(message.headers).reduce((accum, [name, value]) => {
        switch (name.toLowerCase()) {
          case "signature":
            return Object.assign(accum, {
              signatures: (0, structured_headers_1.parseDictionary)(Array.isArray(value) ? value.join(", ") : value)
            });
          case "signature-input":
            return Object.assign(accum, {
              signatureInputs: (0, structured_headers_1.parseDictionary)(Array.isArray(value) ? value.join(", ") : value)
            });
          default:
            return accum;
        }
      }, {});
      if (!signatures?.size && !signatureInputs?.size) {
        return null;
      }
      if (!signatures?.size || !signatureInputs?.size) {
        throw new Error("Incomplete signature headers");
      }
      const now = Math.floor(Date.now() / 1e3);
      const tolerance = config.tolerance ?? 0;
      const notAfter = config.notAfter instanceof Date ? Math.floor(config.notAfter.getTime() / 1e3) : config.notAfter ?? now;
      const maxAge = config.maxAge ?? null;
      const requiredParams = config.requiredParams ?? [];
      const requiredFields = config.requiredFields ?? [];
      return Array.from(signatureInputs.entries()).reduce(async (prev, [name, input]) => {
        const signatureParams = Array.from(input[1].entries()).reduce((params, [key2, value]) => {
          if (value instanceof ArrayBuffer) {
            Object.assign(params, {
              [key2]: (0, structured_headers_1.arrayBufferToBase64)(value)
            });
          } else if (value instanceof structured_headers_1.Token) {
            Object.assign(params, {
              [key2]: value.toString()
            });
          } else if (key2 === "created" || key2 === "expired") {
            Object.assign(params, {
              [key2]: new Date(value * 1e3)
            });
          } else {
            Object.assign(params, {
              [key2]: value
            });
          }
          return params;
        }, {});
        const [result, key] = await Promise.all([
          prev.catch((e) => e),
          config.keyLookup(signatureParams)
        ]);
        if (config.all && !key) {
          throw new errors_1.UnknownKeyError("Unknown key");
        }
        if (!key) {
          if (result instanceof Error) {
            throw result;
          }
          return result;
        }
        if (input[1].has("alg") && key.algs?.includes(input[1].get("alg")) === false) {
          throw new errors_1.UnsupportedAlgorithmError("Unsupported key algorithm");
        }
        if (!(0, structured_headers_1.isInnerList)(input)) {
          throw new errors_1.MalformedSignatureError("Malformed signature input");
        }
        const hasRequiredParams = requiredParams.every((param) => input[1].has(param));
        if (!hasRequiredParams) {
          throw new errors_1.UnacceptableSignatureError("Missing required signature parameters");
        }
        const hasRequiredFields = requiredFields.every((field) => input[0].some(([fieldName]) => fieldName === field));
        if (!hasRequiredFields) {
          throw new errors_1.UnacceptableSignatureError("Missing required signed fields");
        }
        if (input[1].has("created")) {
          const created = input[1].get("created") - tolerance;
          if (maxAge && now - created > maxAge || created > notAfter) {
            throw new errors_1.ExpiredError("Signature is too old");
          }
        }
        if (input[1].has("expires")) {
          const expires = input[1].get("expires") + tolerance;
          if (now > expires) {
            throw new errors_1.ExpiredError("Signature has expired");
          }
        }
        const fields = input[0].map((item) => (0, structured_headers_1.serializeItem)(item));
        const signingBase = createSignatureBase({ fields, componentParser: config.componentParser }, message, req);
        signingBase.push(['"@signature-params"', [(0, structured_headers_1.serializeList)([input])]]);
        const base = formatSignatureBase(signingBase);
        const signature = signatures.get(name);
        if (!signature) {
          throw new errors_1.MalformedSignatureError("No corresponding signature for input");
        }
        if (!(signature[0] instanceof ArrayBuffer)) {
          throw new errors_1.MalformedSignatureError("Malformed signature");
        }
        return key.verify(Buffer2.from(base), Buffer2.from(signature[0]), signatureParams);
      }, Promise.resolve(null));
    }
  }
});

// entry.js
init_shim();
var import_httpbis = __toESM(require_httpbis());
var export_signMessage = import_httpbis.signMessage;
var export_verifyMessage = import_httpbis.verifyMessage;
export {
  export_signMessage as signMessage,
  export_verifyMessage as verifyMessage
};
