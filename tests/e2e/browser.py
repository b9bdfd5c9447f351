"""A real browser, driven over its debugging pipe (NUL-ended JSON on file descriptors 3 and 4): no driver and no library needed."""
import json
import os
import shutil
import subprocess
import time

TIMEOUT = 20  # seconds until something that does not happen is a failure
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """with Browser(folder) as page: page.open(url); page.press("Tab"); page.evaluate("document.title")"""

    def __init__(self, folder):
        self.folder, self.count, self.messages = folder, 0, []

    def __enter__(self):
        down, self.out = os.pipe()
        self.inward, up = os.pipe()

        def place():  # the pipes become 3 and 4, whatever their numbers were
            kept = os.dup(down), os.dup(up)
            os.dup2(kept[0], 3)
            os.dup2(kept[1], 4)

        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder}", "about:blank"], preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(down)
        os.close(up)
        self.buffer = b""
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.inward)

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.inward, 1 << 20)
            assert piece, "the browser has ended"
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.messages.append(answer)

    def open(self, url):
        """Returns when the page and what it loads are there."""
        self.call("Page.navigate", url=url)
        self.wait_for(f"location.href.startsWith({json.dumps(url)}) && document.readyState == 'complete'")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression):
        """The value of the expression as soon as it is true."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.02)  # how often the page is asked, not how long is waited
        raise AssertionError(f"never true: {expression}")

    def press(self, key, text=None):
        code = {"Tab": 9, "Enter": 13}.get(key, ord(key[0].upper()))
        text = {"Enter": "\r"}.get(key, text if text is not None else key if len(key) == 1 else None)
        down = {"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", **({**down, "text": text} if text else down))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def type(self, text):
        for key in text:
            self.press(key)

    def complaints(self):
        """What the browser has logged: errors of scripts, what the content security policy stopped, requests that failed."""
        return [m for m in self.messages if m["method"] in ("Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed")]

    def requests(self):
        return [m["params"]["request"]["url"] for m in self.messages if m["method"] == "Network.requestWillBeSent"]
