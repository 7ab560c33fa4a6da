# Asks the Windows Update Agent what is installed and what it offers, and prints its
# answer as JSON. Nothing is decided here. The caller puts a line before this:
#   $online = $true     ask the update server; $false: the agent's cached answer
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# Windows PowerShell may write an array as an object with a count; not without this.
Remove-TypeData -TypeName System.Array -ErrorAction SilentlyContinue

function Moment($time) {
    if ($null -eq $time) { return '' }
    return ([datetime]$time).ToString('yyyy-MM-ddTHH:mm:ssZ', [Globalization.CultureInfo]::InvariantCulture)
}

function Answer($value) {
    $json = ConvertTo-Json -InputObject $value -Depth 8 -Compress
    # Pure ASCII passes through every code page.
    $ascii = [regex]::Replace($json, '[^\x00-\x7f]', { param($m) '\u{0:x4}' -f [int][char]$m.Value })
    [Console]::Out.Write($ascii)
}

try {
    $os = Get-CimInstance -ClassName Win32_OperatingSystem
    $current = Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $session = New-Object -ComObject Microsoft.Update.Session
    $session.ClientApplicationID = 'rehydrate-node'
    $session.UserLocale = 1033
    $searcher = $session.CreateUpdateSearcher()
    $searcher.Online = $online
    $searcher.IncludePotentiallySupersededUpdates = $true
    $found = $searcher.Search('IsInstalled=0 or IsInstalled=1')
    $updates = @(foreach ($u in $found.Updates) {
        [ordered]@{
            id = [string]$u.Identity.UpdateID
            revision = [int]$u.Identity.RevisionNumber
            title = [string]$u.Title
            kbs = @(foreach ($k in $u.KBArticleIDs) { [string]$k })
            bulletins = @(foreach ($k in $u.SecurityBulletinIDs) { [string]$k })
            cves = @(foreach ($k in $u.CveIDs) { [string]$k })
            bundledKbs = @(foreach ($b in $u.BundledUpdates) { foreach ($k in $b.KBArticleIDs) { [string]$k } })
            categories = @(foreach ($c in $u.Categories) {
                [ordered]@{
                    id = [string]$c.CategoryID
                    type = [string]$c.Type
                    name = [string]$c.Name
                    parentType = [string]$c.Parent.Type
                    parentName = [string]$c.Parent.Name
                }
            })
            severity = [string]$u.MsrcSeverity
            changed = [string](Moment $u.LastDeploymentChangeTime)
            supersedes = @(foreach ($k in $u.SupersededUpdateIDs) { [string]$k })
            installed = [bool]$u.IsInstalled
            hidden = [bool]$u.IsHidden
            downloaded = [bool]$u.IsDownloaded
            rebootRequired = [bool]$u.RebootRequired
            eulaAccepted = [bool]$u.EulaAccepted
            mayAsk = [bool]$u.InstallationBehavior.CanRequestUserInput
        }
    })
    $historyError = ''
    $history = @()
    try {
        $total = [Math]::Min($searcher.GetTotalHistoryCount(), 5000)
        if ($total -gt 0) {
            $history = @(foreach ($h in $searcher.QueryHistory(0, $total)) {
                [ordered]@{
                    id = [string]$h.UpdateIdentity.UpdateID
                    date = [string](Moment $h.Date)
                    operation = [int]$h.Operation
                    result = [int]$h.ResultCode
                }
            })
        }
    } catch {
        $historyError = [string]$_.Exception.Message
    }
    Answer ([ordered]@{
        schema = 1
        machine = [ordered]@{
            caption = [string]$os.Caption
            version = [string]$os.Version
            build = [string]$os.BuildNumber
            buildRevision = [int]$current.UBR
            productType = [int]$os.ProductType
            arch = [string]$env:PROCESSOR_ARCHITECTURE
            bootTime = [string](Moment $os.LastBootUpTime.ToUniversalTime())
            rebootRequired = [bool](New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired
        }
        online = [bool]$searcher.Online
        server = [int]$searcher.ServerSelection
        services = @(foreach ($s in (New-Object -ComObject Microsoft.Update.ServiceManager).Services) {
            [ordered]@{
                id = [string]$s.ServiceID
                managed = [bool]$s.IsManaged
                default = [bool]$s.IsDefaultAUService
            }
        })
        result = [int]$found.ResultCode
        warnings = @(foreach ($w in $found.Warnings) {
            [ordered]@{
                hresult = [int]$w.HResult
                message = [string]$w.Message
            }
        })
        updates = $updates
        history = $history
        historyError = $historyError
    })
} catch {
    Answer ([ordered]@{
        schema = 1
        error = [string]$_.Exception.Message
        hresult = [int]$_.Exception.HResult
    })
}
