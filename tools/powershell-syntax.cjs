// Parses PowerShell scripts and says where they are wrong. In: a JSON list of scripts.
// Out: for each a list of {line, column, text}. The grammar only: what a name means,
// and whether it exists, is not looked at. Without --liftoff-only node spends minutes on
// optimising the grammar before it ends.
//
//   usage: node --liftoff-only powershell-syntax.cjs FOLDER_OF_powershell-grammar.sh
const fs = require('fs')
const path = require('path')
const modules = path.join(process.argv[2], 'node_modules')
const { Parser, Language } = require(path.join(modules, 'web-tree-sitter', 'tree-sitter.cjs'))

async function main() {
  await Parser.init()
  const parser = new Parser()
  parser.setLanguage(await Language.load(path.join(modules, 'tree-sitter-powershell', 'tree-sitter-powershell.wasm')))
  const answer = JSON.parse(fs.readFileSync(0, 'utf8')).map((script) => {
    const tree = parser.parse(script)
    const faults = []
    const visit = (node) => {
      if (node.isError || node.isMissing) {
        faults.push({ line: node.startPosition.row + 1, column: node.startPosition.column + 1, text: node.text.slice(0, 60) })
      }
      for (let i = 0; i < node.childCount; i++) visit(node.child(i))
    }
    visit(tree.rootNode)
    if (tree.rootNode.hasError && faults.length === 0) faults.push({ line: 0, column: 0, text: '' })
    tree.delete()
    return faults
  })
  process.stdout.write(JSON.stringify(answer))
}

main().catch((err) => {
  console.error(err)
  process.exit(1)
})
