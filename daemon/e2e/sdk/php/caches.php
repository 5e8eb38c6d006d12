<?php
// The caches of PSR-16 that EasyWeChat is given, as their frameworks make them.

require '/usr/share/php/Symfony/Component/Cache/autoload.php';
require '/usr/share/php/Illuminate/Cache/autoload.php';
require '/usr/share/php/Illuminate/Redis/autoload.php';
require '/usr/share/php/Illuminate/Container/autoload.php';

use Illuminate\Cache\RedisStore;
use Illuminate\Cache\Repository;
use Illuminate\Container\Container;
use Illuminate\Redis\RedisManager;
use Psr\SimpleCache\CacheInterface;
use Symfony\Component\Cache\Adapter\RedisAdapter;
use Symfony\Component\Cache\Psr16Cache;

function symfony(string $url): CacheInterface
{
    return new Psr16Cache(new RedisAdapter(RedisAdapter::createConnection($url)));
}

function laravel(string $url): CacheInterface
{
    $at = parse_url($url);
    $manager = new RedisManager(new Container(), 'phpredis', [
        'options' => ['prefix' => 'laravel_database_'],
        'cache' => ['host' => $at['host'], 'port' => $at['port'], 'database' => ltrim($at['path'], '/')],
    ]);
    return new Repository(new RedisStore($manager, 'laravel_cache', 'cache'));
}
