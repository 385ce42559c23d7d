// Starts `eqspec lsp` for .eqs files; everything it knows comes from the server.
"use strict";

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;
let channel;

async function start() {
  const [command, ...args] = vscode.workspace.getConfiguration("eqspec").get("command");
  const executable = { command, args, transport: TransportKind.stdio };
  client = new LanguageClient(
    "eqspec",
    "eqspec",
    { run: executable, debug: executable },
    {
      documentSelector: [
        { scheme: "file", language: "eqs" },
        { scheme: "untitled", language: "eqs" },
      ],
      outputChannel: channel,
      synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/*.eqs") },
    }
  );
  try {
    await client.start();
  } catch (error) {
    channel.appendLine(String(error));
    const settings = "Open Settings";
    const chosen = await vscode.window.showWarningMessage(
      `eqspec: cannot start \`${[command, ...args].join(" ")}\`. Install it with ` +
        "`pip install 'eqspec[lsp]'`, or say in the settings where it is. Colours work without it.",
      settings
    );
    if (chosen === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "eqspec.command");
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running !== undefined && running.needsStop()) {
    await running.stop();
  }
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  channel = vscode.window.createOutputChannel("eqspec");
  context.subscriptions.push(
    channel,
    vscode.commands.registerCommand("eqspec.restart", () =>
      vscode.workspace.isTrusted ? restart() : undefined
    ),
    vscode.workspace.onDidChangeConfiguration((change) =>
      change.affectsConfiguration("eqspec.command") && vscode.workspace.isTrusted
        ? restart()
        : undefined
    ),
    vscode.workspace.onDidGrantWorkspaceTrust(restart)
  );
  if (vscode.workspace.isTrusted) {
    await start();
  }
}

module.exports = { activate, deactivate: stop };
