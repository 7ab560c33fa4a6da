# Downloads and installs exactly the updates that are named, and prints how each ended
# as JSON. Nothing is chosen here. The caller puts two lines before this:
#   $online = $true                  look them up at the update server
#   $wanted = @('id/revision', ...)  UpdateID and RevisionNumber of each
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# Windows PowerShell may write an array as an object with a count; not without this.
Remove-TypeData -TypeName System.Array -ErrorAction SilentlyContinue

function Answer($value) {
    $json = ConvertTo-Json -InputObject $value -Depth 8 -Compress
    # Pure ASCII passes through every code page.
    $ascii = [regex]::Replace($json, '[^\x00-\x7f]', { param($m) '\u{0:x4}' -f [int][char]$m.Value })
    [Console]::Out.Write($ascii)
}

try {
    $session = New-Object -ComObject Microsoft.Update.Session
    $session.ClientApplicationID = 'rehydrate-node'
    $session.UserLocale = 1033
    $searcher = $session.CreateUpdateSearcher()
    $searcher.Online = $online
    $searcher.IncludePotentiallySupersededUpdates = $true
    $found = $searcher.Search('IsInstalled=0')
    $chosen = New-Object -ComObject Microsoft.Update.UpdateColl
    foreach ($u in $found.Updates) {
        if ($wanted -contains "$($u.Identity.UpdateID)/$($u.Identity.RevisionNumber)") { [void]$chosen.Add($u) }
    }
    $installer = $session.CreateUpdateInstaller()
    $installer.AllowSourcePrompts = $false
    $installer.ForceQuiet = $true
    $busy = [bool]$installer.IsBusy
    $restartFirst = [bool]$installer.RebootRequiredBeforeInstallation
    $results = @()
    if (-not $busy -and -not $restartFirst -and $chosen.Count -gt 0) {
        $downloader = $session.CreateUpdateDownloader()
        $downloader.Updates = $chosen
        $fetched = $downloader.Download()
        $ready = New-Object -ComObject Microsoft.Update.UpdateColl
        $at = @{}
        for ($i = 0; $i -lt $chosen.Count; $i++) {
            if ($chosen.Item($i).IsDownloaded) { $at[$i] = $ready.Add($chosen.Item($i)) }
        }
        $done = $null
        if ($ready.Count -gt 0) {
            $installer.Updates = $ready
            $done = $installer.Install()
        }
        $results = @(for ($i = 0; $i -lt $chosen.Count; $i++) {
            $download = $fetched.GetUpdateResult($i)
            $install = $null
            if ($at.ContainsKey($i)) { $install = $done.GetUpdateResult($at[$i]) }
            [ordered]@{
                id = [string]$chosen.Item($i).Identity.UpdateID
                revision = [int]$chosen.Item($i).Identity.RevisionNumber
                download = [int]$download.ResultCode
                downloadHResult = [int]$download.HResult
                install = [int]$install.ResultCode
                installHResult = [int]$install.HResult
                rebootRequired = [bool]$install.RebootRequired
            }
        })
    }
    Answer ([ordered]@{
        schema = 1
        search = [int]$found.ResultCode
        busy = $busy
        restartFirst = $restartFirst
        rebootRequired = [bool](New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired
        results = $results
    })
} catch {
    Answer ([ordered]@{
        schema = 1
        error = [string]$_.Exception.Message
        hresult = [int]$_.Exception.HResult
    })
}
